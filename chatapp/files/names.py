"""Names of files, made safe for pages, headers and prompts."""

NAME_CHARACTERS = 100


def clean_name(name: str, most: int = NAME_CHARACTERS) -> str:
    """A one-line name without invisible or bidirectional control characters, and without the backticks of a fence."""
    printable = "".join(character if character.isprintable() and character != "`" else " " for character in name)
    return " ".join(printable.split())[:most].strip() or "file"


def with_suffix(name: str, suffixes: tuple[str, ...]) -> str:
    """The name with the first of these suffixes, unless it has one of them."""
    if name.lower().endswith(suffixes):
        return name
    stem, dot, _ = name.rpartition(".")
    return (stem if dot and stem else name)[: NAME_CHARACTERS - len(suffixes[0])] + suffixes[0]
