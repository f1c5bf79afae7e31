"""Names of files, made safe for pages, headers and prompts."""

NAME_CHARACTERS = 100


def clean_name(name: str) -> str:
    """A one-line name without invisible or bidirectional control characters, and without the backticks of a fence."""
    printable = "".join(character if character.isprintable() and character != "`" else " " for character in name)
    return " ".join(printable.split())[:NAME_CHARACTERS].strip() or "file"
