"""docs/architecture.md shows every package of the tree, and every path that it names exists."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs" / "architecture.md").read_text()
PACKAGES = ("chatapp", "runs", "streams")
UNREMARKABLE = {"__init__", "__main__", "apps"}  # Python's and Django's own
ENTRY = re.compile(r"^( *)([\w.]+/(?:[\w.]+/)*|[\w.]+\.py(?:, [\w.]+\.py)*)(?:$|  )")
PATH = re.compile(r"`((?:chatapp|runs|streams|templates|deploy|tests|docs)/[\w./-]*)`")


def entries_of_the_tree() -> set[Path]:
    """The paths in the picture of the rooms: each line's folder is below the folders that are indented less."""
    tree = re.search(r"^## Rooms$.*?^```$(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[1]
    above: list[tuple[int, Path]] = [(-1, Path())]
    entries = set()
    for line in tree.splitlines():
        if match := ENTRY.match(line):
            depth = len(match[1])
            above = [(indent, folder) for indent, folder in above if indent < depth]
            entries |= {above[-1][1] / name for name in match[2].split(", ")}
            above.append((depth, above[-1][1] / match[2]))
    return entries


def folders_with_code() -> set[Path]:
    folders = {path.parent.relative_to(ROOT) for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    return folders - {Path("chatapp/ops/management")}  # Django's own, shown with what is in it


def test_every_package_is_in_the_picture():
    hidden = {folder for folder in folders_with_code() if folder.name in ("migrations", "__pycache__")}
    assert folders_with_code() - hidden - entries_of_the_tree() == set()


def test_every_module_beside_the_packages_is_in_the_picture():
    modules = {path.relative_to(ROOT) for package in PACKAGES for path in (ROOT / package).glob("*.py")}
    assert {path for path in modules - entries_of_the_tree() if path.stem not in UNREMARKABLE} == set()


def test_everything_in_the_picture_exists():
    assert [str(path) for path in sorted(entries_of_the_tree()) if not (ROOT / path).exists()] == []


def test_every_path_that_the_page_names_exists():
    assert [path for path in PATH.findall(PAGE) if not (ROOT / path).exists()] == []


def test_the_import_contracts_know_every_package():
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert packages == set(settings["tool"]["importlinter"]["root_packages"])


def layers_on_the_page() -> list[set[str]]:
    line = re.search(r"^wiring → (.*)$", PAGE, re.MULTILINE)[1]
    return [set(group.split(" | ")) for group in line.split(" → ")]


def test_the_layers_on_the_page_are_those_of_the_import_contracts():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = [
        contract["layers"] for contract in settings["tool"]["importlinter"]["contracts"] if "layers" in contract
    ]
    enforced = [[set(layer.replace("chatapp.", "").split(" | ")) for layer in layers] for layers in contracts]
    interfaces, *below = layers_on_the_page()
    assert below in enforced
    assert any(
        interfaces in layers and layers.index(interfaces) + 1 == layers.index(below[0])
        for layers in enforced
        if interfaces in layers and below[0] in layers
    )


@pytest.mark.parametrize("package", ["runs", "streams"])
def test_the_layers_inside_a_package_are_those_of_its_contract(package):
    shown = re.search(rf"^{package}: (.*?)(?=^\S)", PAGE, re.MULTILINE | re.DOTALL)[1]
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = settings["tool"]["importlinter"]["contracts"]
    enforced = next(contract["layers"] for contract in contracts if contract.get("containers") == [package])
    assert " ".join(shown.split()) == " → ".join(enforced)
