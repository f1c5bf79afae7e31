"""How long a request is."""

from django.db.models import Sum


def characters_in(*values: object) -> int:
    """The characters of all strings in JSON values, however deep."""
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
    """What is stored of a user's requests, about: a character for a byte."""
    from chatapp.openai.models import Exchange

    return Exchange.objects.filter(run__session__owner_id=user_id).aggregate(sum=Sum("characters"))["sum"] or 0
