"""Text of an upstream as the database can hold it."""


def storable(text: str) -> str:
    """Without NUL and lone surrogates."""
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()
