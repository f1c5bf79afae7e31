"""How long a request is."""


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
