"""The wheel: built without a network, installed into a fresh environment, and started there from an empty folder."""

import importlib.util
import re
import subprocess
import sys
import sysconfig
import urllib.request
import venv
import zipfile
from pathlib import Path

import pytest

import chatapp
from chatapp.cli import with_django_s_names
from chatapp.web.shell.bundles import ENTRIES, find_esbuild
from tests.harness.plugin import skip_missing
from tests.harness.processes import ROOT, Part, temporary_directory
from tests.harness.stack import clean_env

PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
READY = r"(?m)^Ready: (http://127\.0\.0\.1:\d+)/$"
FIRST_START_SECONDS = 180  # every module is compiled, and every migration applied, also on a busy machine
OURS = ("chatapp", "runs", "streams")
NOT_INSTALLED = {"STATIC_FROM_SOURCE", "SECRET_KEY"}  # of the tests' environment: here the defaults are tried

pytestmark = pytest.mark.timeout(300)


def run(*argv: str | Path) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel() -> Path:
    if not (ROOT / "deploy/browser/node_modules").is_dir():
        skip_missing("The browser packages are not installed")
    folder = temporary_directory("wheel")
    run(*PIP, "wheel", "--no-index", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT)
    return next(folder.glob("*.whl"))


class Installation:
    """An environment that has the wheel; what it depends on is seen in that of the tests, which has no chatapp."""

    def __init__(self, wheel: Path):
        self.folder = temporary_directory("installed")
        self.home, self.cwd = self.folder / "home", self.folder / "empty"
        self.home.mkdir()
        self.cwd.mkdir()
        venv.create(self.folder / "venv", with_pip=False)
        self.python = self.folder / "venv" / "bin" / "python"
        (packages,) = (self.folder / "venv" / "lib").glob("python*/site-packages")
        (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
        run(*PIP, "--python", self.python, "install", "--no-index", "--no-deps", "--no-compile", wheel)
        env = {name: value for name, value in clean_env().items() if name not in NOT_INSTALLED}
        self.env = {**env, "HOME": str(self.home), "PORT": "0", "LOCAL_MODEL": "0"}
        del self.env["DJANGO_SETTINGS_MODULE"]
        self.env.pop("VIRTUAL_ENV", None)

    def command(self, *words: str) -> list[str]:
        return ["env", "-C", str(self.cwd), str(self.python.with_name("chatapp")), *words]

    def run(self, *words: str) -> str:
        done = subprocess.run(self.command(*words), env=self.env, capture_output=True, text=True, timeout=100)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def installation(wheel) -> Installation:
    return Installation(wheel)


@pytest.fixture(scope="module")
def site(installation):
    """`chatapp up`, ready: the part and its address. It takes 20 s of CPU time; tests/ops/test_up.py has a clone's."""
    part = Part("up", installation.command("up"), installation.folder, installation.env).start()
    yield part, part.wait_for_line(READY, patience=FIRST_START_SECONDS)[1]
    part.kill()


def get(url: str) -> tuple[int, str]:
    with urllib.request.urlopen(url, timeout=20) as response:
        return response.status, response.read().decode()


@pytest.mark.long
def test_the_installed_site_serves_its_pages_and_the_browser_packages(site, installation):
    _, address = site
    status, page = get(f"{address}/login")
    stylesheet = re.search(r'href="(/static/[^"]+\.css)"', page)[1]
    assert status == 200 and get(address + stylesheet)[0] == 200
    if find_esbuild(ROOT / "deploy/browser/node_modules"):
        assert list((installation.home / ".local/share/chatapp/static/shared").glob("*.js"))
    for module in (ROOT / "deploy/browser/static/vendor").rglob("*.m*js"):
        assert get(f"{address}/static/{module.relative_to(ROOT / 'deploy/browser/static')}")[0] == 200


@pytest.mark.long
def test_data_is_kept_in_the_home_of_its_user_and_not_beside_the_code(site, installation):
    part, _ = site
    data = installation.home / ".local" / "share" / "chatapp"
    assert f"data in {data}," in part.log() and (data / "chatapp.sqlite3").exists()
    assert list(installation.cwd.iterdir()) == []


@pytest.mark.long
def test_messages_name_the_command_as_it_is_called_there(site, installation):
    part, _ = site
    assert "`chatapp login_link` creates another." in part.log()


@pytest.mark.long  # a wheel is built and installed, which little can break; so are the other two
def test_commands_are_called_as_those_of_manage_py_also_with_hyphens(installation):
    assert "--base-url" in installation.run("add-provider", "--help")
    assert "no issues" in installation.run("check")


@pytest.mark.long
def test_the_wheel_has_the_code_of_this_version_and_nothing_else(wheel, installation):
    program = "import chatapp, runs, streams; print(chatapp.__version__, chatapp.__file__)"
    version, place = run("env", "-C", installation.cwd, installation.python, "-c", program).split()
    assert version == chatapp.__version__ and Path(place).is_relative_to(installation.folder)
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    if find_esbuild(ROOT / "deploy/browser/node_modules"):
        assert {f"chatapp/bundles/{name}" for name in ENTRIES} <= names
    folders = {name.partition("/")[0] for name in names}
    assert folders == {*OURS, f"chatapp-{chatapp.__version__}.dist-info"}


def test_a_build_without_browser_packages_says_what_to_do(tmp_path):
    spec = importlib.util.spec_from_file_location("wheel", ROOT / "deploy" / "wheel.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "deploy" / "browser").mkdir(parents=True)
    (tmp_path / "deploy" / "browser" / "package.json").write_text('{"dependencies": {"left-pad": "1.0.0"}}')
    hook = module.BrowserPackages(str(tmp_path), {}, None, None, str(tmp_path), "wheel")
    with pytest.raises(
        FileNotFoundError, match=r"left-pad is missing\. Run `npm ci --omit=dev --ignore-scripts` in deploy/browser"
    ):
        hook.initialize("standard", {"force_include": {}})
    hook.initialize("editable", {"force_include": {}})


@pytest.mark.parametrize(
    ("typed", "called"),
    [
        (["chatapp", "add-provider", "--base-url", "x-y"], ["chatapp", "add_provider", "--base-url", "x-y"]),
        (["chatapp", "help", "add-provider"], ["chatapp", "help", "add_provider"]),
        (["chatapp", "--help"], ["chatapp", "--help"]),
        (["chatapp"], ["chatapp"]),
    ],
)
def test_hyphens_in_the_name_of_a_command_are_django_s_underscores(typed, called):
    assert with_django_s_names(typed) == called
