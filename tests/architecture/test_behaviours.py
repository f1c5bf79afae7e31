"""docs/behaviours.md has every behaviour that code and tests cite, and says truthfully which of them tests prove."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PRODUCT = ("runs", "streams", "chatapp")
SOURCES = {".py", ".js", ".mjs", ".css", ".html"}
CITED = re.compile(r"\bB[1-9]\d{0,2}\b")
LINE = re.compile(r"^\* \*\*(B\d+)\*\*(?: \((in part|planned)\))? \S", re.MULTILINE)


def cited_in(*folders: str) -> set[str]:
    files = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in SOURCES]
    return {number for path in files if "node_modules" not in path.parts for number in CITED.findall(path.read_text())}


documented = LINE.findall((ROOT / "docs" / "behaviours.md").read_text())


def test_the_numbers_are_consecutive():
    assert [number for number, _mark in documented] == [f"B{n}" for n in range(1, len(documented) + 1)]


def test_every_behaviour_that_is_cited_is_documented_as_built():
    built = {number for number, mark in documented if mark != "planned"}
    assert cited_in("tests", *PRODUCT) - built == set()


def test_every_behaviour_that_is_built_is_named_by_a_test():
    proved = cited_in("tests")
    assert [number for number, mark in documented if mark != "planned" and number not in proved] == []
