"""Cursor pagination: items added or deleted meanwhile don't repeat or hide others."""

from urllib.parse import parse_qs, urlsplit

from django.core.exceptions import ValidationError as InvalidValue
from django.db.models import Model, QuerySet
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.response import Response

from chatapp.api.serializers.chats import PAGE_ITEMS


class CursorPages(CursorPagination):
    """`{"items", "next", "previous"}`; the last two are values for `?cursor=`, or null at the ends of the list."""

    page_size = PAGE_ITEMS
    page_size_query_param = None  # checked by the view

    def __init__(self, limit: int, *ordering: str) -> None:
        """`ordering` must end with a unique field."""
        self.limit, self.ordering = limit, ordering

    def paginate_queryset(self, queryset: QuerySet[Model], request, view=None) -> list:
        self.field = queryset.model._meta.get_field(self.ordering[0].removeprefix("-"))
        try:
            return super().paginate_queryset(queryset, request, view)
        except (NotFound, InvalidValue, ValueError, OverflowError):
            raise ValidationError({"cursor": ["Invalid cursor."]}) from None

    def get_page_size(self, request) -> int:
        return self.limit

    def decode_cursor(self, request):
        """Validate the position before it reaches the database."""
        cursor = super().decode_cursor(request)
        if cursor is not None and cursor.position is not None:
            if "\0" in cursor.position:
                raise NotFound
            self.field.to_python(cursor.position)
        return cursor

    def encode_cursor(self, cursor) -> str:
        return parse_qs(urlsplit(super().encode_cursor(cursor)).query)[self.cursor_query_param][0]

    def get_paginated_response(self, data: list) -> Response:
        return Response({"items": data, "next": self.get_next_link(), "previous": self.get_previous_link()})

    def get_ordering(self, request, queryset, view) -> tuple[str, ...]:
        return tuple(self.ordering)
