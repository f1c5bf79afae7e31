"""Files that only their owner may read."""

from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Write `path` anew with mode 0600; at no moment can others read it."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(text)
