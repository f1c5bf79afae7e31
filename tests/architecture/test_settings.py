"""docs/settings.md lists exactly the settings that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def settings_from_the_environment() -> set[str]:
    return set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', (ROOT / "chatapp" / "settings.py").read_text()))


def documented_settings() -> set[str]:
    return set(re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "docs" / "settings.md").read_text(), re.MULTILINE))


def test_the_page_documents_exactly_the_settings_that_exist():
    assert documented_settings() == settings_from_the_environment()
