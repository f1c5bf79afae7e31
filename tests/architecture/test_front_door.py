"""What a newcomer meets first is complete: links lead somewhere, and the development container has what CI installs."""

import configparser
import json
import re
import shutil
import tomllib
from pathlib import Path

import pytest
import yaml

import chatapp
from tests.architecture.test_lint import commands_of_make_lint

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")
FILE = re.compile(r"\b(?:chatapp|runs|streams|tests|deploy)/[\w./-]+\.(?:py|js|css|yaml|json|conf)\b")
CODE_BLOCK = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
NEW_FILE = re.compile(r"^--- /dev/null\n\+\+\+ b/(\S+)$", re.MULTILINE)  # in a diff that a page shows
FOR_PIP_ONLY = {"python3", "python3-venv"}  # the container's image has its own Python


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def anchors_of(page: Path) -> set[str]:
    """The fragments of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", CODE_BLOCK.sub("", page.read_text()), re.MULTILINE)
    plain = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading) for heading in headings]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in plain}


def broken_links_of(page: Path):
    for target in LINK.findall(CODE_BLOCK.sub("", page.read_text())):
        path, _, fragment = target.partition("#")
        if "://" in target or target.startswith("mailto:"):
            continue
        linked = (page.parent / path).resolve() if path else page
        if not linked.exists() or (fragment and linked.suffix == ".md" and fragment not in anchors_of(linked)):
            yield target


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_of_a_page_leads_somewhere(page):
    assert list(broken_links_of(page)) == []


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent.name != "adr"], ids=name_of)
def test_every_file_that_a_page_names_exists(page):  # decisions may name what there was then
    named = set(FILE.findall(page.read_text())) - set(NEW_FILE.findall(page.read_text()))
    assert sorted(path for path in named if not (ROOT / path).exists()) == []


def test_the_development_container_has_what_ci_installs():
    ci = (ROOT / ".ci" / "run").read_text()
    installed = set(re.findall(r"missing\+=\(([\w.-]+)\)", ci))
    installed.update(*(line.split() for line in re.findall(r"^for program in (.*?); do", ci, re.MULTILINE)))
    folder = ROOT / ".devcontainer"
    settings = json.loads((folder / "devcontainer.json").read_text())
    image = (folder / settings["build"]["dockerfile"]).read_text()
    assert installed - FOR_PIP_ONLY <= set(image.split())


def test_the_development_container_has_the_oldest_python_that_is_supported():
    oldest = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"].removeprefix(">=")
    assert f"FROM python:{oldest}-" in (ROOT / ".devcontainer" / "Containerfile").read_text()


def test_editors_and_linters_have_the_same_line_length():
    editors = configparser.ConfigParser()
    editors.read_string("[root]\n" + (ROOT / ".editorconfig").read_text())
    ruff = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["line-length"]
    prettier = json.loads((ROOT / "deploy" / "browser" / "prettier.json").read_text())["printWidth"]
    lengths = {editors[section]["max_line_length"] for section in editors if "max_line_length" in editors[section]}
    assert lengths == {str(ruff)} == {str(prettier)}


def test_hooks_before_a_commit_check_what_make_lint_does():
    linted = {tuple(command.split()[:2]) for command in commands_of_make_lint()}
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    hooked = {tuple(hook["entry"].split()[:2]) for repo in hooks for hook in repo["hooks"]}
    assert linted == hooked


def test_hooks_before_a_commit_run_tools_that_the_set_up_installs():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert {repo["repo"] for repo in hooks} == {"local"}
    programs = {hook["entry"].split()[0] for repo in hooks for hook in repo["hooks"]}
    assert [program for program in programs if not shutil.which(ROOT / program)] == []


def test_the_license_is_mit():
    assert (ROOT / "LICENSE").read_text().startswith("MIT License\n")


def test_the_changelog_s_newest_release_is_this_version():
    releases = re.findall(r"^## (\d\S*) - \d{4}-\d\d-\d\d$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert releases[0] == chatapp.__version__


def test_the_index_of_decisions_has_each_with_its_title():
    index = (ROOT / "docs" / "adr" / "README.md").read_text()
    decisions = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
    titles = [re.match(r"# (\d+)\. (.*)\n", path.read_text()).groups() for path in decisions]
    rows = [f"| {number} | [{title}]({path.name}) |" for (number, title), path in zip(titles, decisions, strict=True)]
    assert re.findall(r"^\| \d+ \|.*$", index, re.MULTILINE) == rows
