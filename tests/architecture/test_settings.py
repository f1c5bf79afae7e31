"""The README's table of settings is complete and true."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def settings_from_the_environment() -> set[str]:
    return set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', (ROOT / "chatapp" / "settings.py").read_text()))


def settings_in_the_readme() -> set[str]:
    return set(re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "README.md").read_text(), re.MULTILINE))


def test_the_readme_documents_exactly_the_settings_that_exist():
    assert settings_in_the_readme() == settings_from_the_environment()
