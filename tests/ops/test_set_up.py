"""The set-up's words when something is missing, and what must not be in its lock files."""

import importlib.util
import json
import re
import subprocess
import sys

import pytest

from tests.harness.processes import ROOT

PROGRAM = ROOT / "deploy" / "set_up.py"


@pytest.fixture
def set_up():
    spec = importlib.util.spec_from_file_location("set_up", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_an_old_python_is_told_which_one_is_needed(set_up, monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 9, 18))
    with pytest.raises(set_up.SetUpFailed, match=r"Python 3\.11 or newer is required; .* is 3\.9"):
        set_up.check_python()


def test_a_python_without_ensurepip_is_told_the_package(set_up, monkeypatch):
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    with pytest.raises(set_up.SetUpFailed, match=r"apt install python3\.\d+-venv"):
        set_up.make_venv()


def test_npm_comes_from_the_wheel_where_the_system_has_none(set_up, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(set_up, "PYTHON", sys.executable)
    said = subprocess.run([*set_up.find_npm(), "--version"], capture_output=True, text=True)
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", said.stdout), said.stderr


def test_tools_that_npm_removed_are_installed_again(set_up, monkeypatch, tmp_path):
    """`npm ci --omit=dev`, which a build of the wheel needs, removes the linters of a clone that was set up before."""
    monkeypatch.setattr(set_up, "BROWSER", str(tmp_path))
    (tmp_path / "package-lock.json").write_text("{}")
    (tmp_path / "package.json").write_text('{"dependencies": {"left-pad": "1"}, "devDependencies": {"eslint": "1"}}')
    (tmp_path / "node_modules" / "left-pad").mkdir(parents=True)
    (tmp_path / "node_modules" / "eslint").mkdir()
    stamp = {"browser": set_up.browser_packages("test")}
    assert set_up.are_browser_packages_installed(stamp, "test")
    (tmp_path / "node_modules" / "eslint").rmdir()
    assert not set_up.are_browser_packages_installed(stamp, "test")
    assert set_up.are_browser_packages_installed(stamp, "run")


def test_without_npm_and_wheel_the_message_says_what_to_install(set_up, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(set_up, "PYTHON", "/bin/false")
    with pytest.raises(set_up.SetUpFailed, match="apt install npm"):
        set_up.find_npm()


def test_a_failed_command_is_quoted_in_full_without_pips_chatter(set_up, monkeypatch):
    monkeypatch.setenv("CHATTER", "WARNING: Location 'file:///somewhere' is ignored: it is no directory")
    with pytest.raises(set_up.SetUpFailed) as failure:
        set_up.run(["sh", "-c", 'echo "$CHATTER"; echo "ERROR: no such version" >&2; exit 1'])
    assert "ERROR: no such version" in str(failure.value)
    assert "is ignored" not in str(failure.value)


def test_uv_is_told_where_pip_gets_packages_from(set_up, monkeypatch, tmp_path):
    config = tmp_path / "pip.conf"
    config.write_text("[global]\nindex-url = https://a.example/simple\nfind-links = /one /two\ntimeout = 9\n")
    monkeypatch.setattr(set_up, "PIP", [sys.executable, "-m", "pip"])
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    monkeypatch.setenv("PIP_INDEX_URL", "https://b.example/simple")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    told = set_up.uv_variables()
    assert (told["UV_DEFAULT_INDEX"], told["UV_FIND_LINKS"]) == ("https://b.example/simple", "/one,/two")


def test_where_uv_fails_pip_installs(set_up, monkeypatch, capsys):
    commands = []

    def run(command, env=None):
        commands.append(command)
        if command[0] == set_up.UV:
            raise set_up.SetUpFailed("no such index")

    monkeypatch.setattr(set_up, "run", run)
    monkeypatch.setattr(set_up.os.path, "exists", lambda path: True)
    monkeypatch.setattr(set_up, "uv_variables", dict)
    set_up.install("-r", "lock.txt")
    assert [command[-2:] for command in commands] == [["-r", "lock.txt"]] * 2
    assert commands[1][:4] == set_up.PIP_INSTALL[:4]
    assert "trying pip" in capsys.readouterr().out


def test_what_is_up_to_date_is_left_alone(set_up, monkeypatch):
    monkeypatch.setattr(set_up, "run", lambda *_, **__: pytest.fail("something was installed"))
    lock, npm = f"{set_up.REQUIREMENTS}/test.txt", f"{set_up.BROWSER}/package-lock.json"
    stamp = {"packages": set_up.digest(lock), "browser": set_up.digest(npm)}
    set_up.install_packages(stamp, "run")  # test.txt holds everything that local.txt asks for
    set_up.install_packages(stamp, "test")


def test_no_lock_file_names_a_registry():
    locks = [*(ROOT / "deploy" / "requirements").glob("*.txt")]
    assert len(locks) == 8
    assert [lock.name for lock in locks if "://" in lock.read_text()] == []
    packages = json.loads((ROOT / "deploy" / "browser" / "package-lock.json").read_text())["packages"]
    for package in packages.values():
        package.pop("funding", None)  # where some ask for money
    assert "://" not in json.dumps(packages)


@pytest.mark.parametrize("name", ["app", "local"])
def test_what_runs_is_what_was_tested(name):
    """app.txt and local.txt are parts of test.txt, in the same versions."""
    pinned, tested = (
        set(re.findall(r"(?m)^(\S+==\S+)", (ROOT / "deploy" / "requirements" / lock).read_text()))
        for lock in (f"{name}.txt", "test.txt")
    )
    assert pinned <= tested


def test_to_run_needs_only_the_packages_that_pages_load(set_up, monkeypatch, tmp_path):
    commands = []
    monkeypatch.setattr(set_up, "run", lambda command, cwd: commands.append(command))
    monkeypatch.setattr(set_up, "STAMP", tmp_path / "stamp.json")
    monkeypatch.setattr(set_up.os.path, "isdir", lambda path: True)
    stamp = {}
    for purpose in ("run", "run", "test", "test", "run"):
        set_up.install_browser_packages(stamp, purpose)
    assert [("--omit=dev" in command) for command in commands] == [True, False]
