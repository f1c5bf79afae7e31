"""The size of a request."""

from django.db.models import Sum


def characters_in(*values: object) -> int:
    """The number of characters of all strings in JSON values, at any depth."""
    count, rest = 0, list(values)
    while rest:
        match rest.pop():
            case str() as text:
                count += len(text)
            case list() as items:
                rest += items
            case dict() as members:
                rest += members.values()
    return count


def stored_characters(user_id: int) -> int:
    """Approximate bytes stored for a user's requests: one per character."""
    from chatapp.openai.models import Exchange

    return Exchange.objects.filter(run__session__owner_id=user_id).aggregate(sum=Sum("characters"))["sum"] or 0
