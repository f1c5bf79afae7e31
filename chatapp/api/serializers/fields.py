"""Fields that accept exactly the types of the schema: "5" is not a number, 1 is not a boolean.

`Query…` are for query parameters, which are all text.
"""

import re
from decimal import Decimal
from uuid import UUID

from rest_framework import serializers

from runs.queries.costs import plain

_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
FLAGS = {"true": True, "false": False}


class Text(serializers.CharField):
    """A JSON string. DRF's field accepts numbers, and strips white space before it checks the length."""

    def __init__(self, **options) -> None:
        super().__init__(**{"trim_whitespace": False} | options)

    def to_internal_value(self, data: object) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Flag(serializers.BooleanField):
    """true or false."""

    def to_internal_value(self, data: object) -> bool:
        return data if isinstance(data, bool) else self.fail("invalid", input=data)


class TimestampFlag(Flag):
    """Whether a timestamp of the row is set. Views write the timestamp."""

    def __init__(self, timestamp: str, **kwargs) -> None:
        self._timestamp = timestamp
        super().__init__(**kwargs)

    def get_attribute(self, instance: object) -> bool:
        return getattr(instance, self._timestamp) is not None


class QueryFlag(serializers.BooleanField):
    """The text true or false."""

    def to_internal_value(self, data: object) -> bool:
        return FLAGS[data] if isinstance(data, str) and data in FLAGS else self.fail("invalid", input=data)


class Cost(serializers.DecimalField):
    """What an answer cost, exactly: a decimal number as text. Read only."""

    HELP = "In the site's `CURRENCY`, as a decimal number; null if a price or a count is unknown."

    def __init__(self, **options) -> None:
        options = {"read_only": True, "allow_null": True, "help_text": self.HELP} | options
        super().__init__(**{"max_digits": None, "decimal_places": None} | options)

    def to_representation(self, value: Decimal) -> str:
        return plain(value)


class Integer(serializers.IntegerField):
    """An integer. In JSON 5 and 5.0 are the same."""

    def to_internal_value(self, data: object) -> int:
        if isinstance(data, float) and data.is_integer():
            data = int(data)
        return data if isinstance(data, int) and not isinstance(data, bool) else self.fail("invalid")


class QueryInteger(serializers.IntegerField):
    def to_internal_value(self, data: object) -> int:
        return int(data) if isinstance(data, str) and _WHOLE.fullmatch(data) else self.fail("invalid")


class Number(serializers.FloatField):
    def to_internal_value(self, data: object) -> float:
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("invalid")
        return super().to_internal_value(data)


class Id(serializers.UUIDField):
    """An id as the API writes it."""

    def to_internal_value(self, data: object) -> UUID:
        return UUID(data) if isinstance(data, str) and _ID.fullmatch(data) else self.fail("invalid", value=data)


class Choice(serializers.ChoiceField):
    """One of a set of strings."""

    def to_internal_value(self, data: object) -> str:
        return super().to_internal_value(data) if isinstance(data, str) else self.fail("invalid_choice", input=data)
