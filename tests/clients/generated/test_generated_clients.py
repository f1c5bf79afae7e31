"""The OpenAPI document: linters find nothing in it, and clients that are generated from it do what the page says.

The page's programs run over a network that cuts every connection after some kilobytes.
"""

import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from django.conf import settings

from runs.models import Model, Run
from runs.states import Status
from tests.clients.npm import npm_packages
from tests.harness.check import check
from tests.harness.cutting import CuttingProxy

pytestmark = [pytest.mark.long, pytest.mark.one_database, pytest.mark.timeout(600)]

HERE = Path(__file__).parent
DOCUMENT = Path(settings.BASE_DIR, "docs", "openapi.yaml")
PAGE = Path(settings.BASE_DIR, "docs", "generated-clients.md")
WORDS = [f"{n} {'x' * 150} " for n in range(60)]  # some 15,000 bytes, as events
BYTES = (7_000, 9_000)  # that a connection lives for: what starts the run, and a part of its stream


def run(command: list, directory: Path, **env: str) -> subprocess.CompletedProcess:
    given = {"env": env} if env else {}
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=300, **given)


def program(name: str) -> Path:
    return npm_packages(HERE) / "node_modules" / ".bin" / name


def example(language: str) -> str:
    return re.search(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)[1]


@pytest.mark.parametrize(
    "command",
    [
        ["redocly", "lint", "--extends=recommended", "--format=stylish", "--max-problems=1000"],
        ["spectral", "lint", "--ruleset=spectral.yaml", "--fail-severity=hint"],
    ],
    ids=["redocly", "spectral"],
)
def test_a_linter_finds_nothing(command):
    name, *options = command
    done = run([program(name), *options, DOCUMENT], npm_packages(HERE))
    said = done.stdout + done.stderr
    assert done.returncode == 0 and not re.search(r"[1-9]\d* (warning|problem|error)", said), said[-3_000:]


@pytest.fixture
def alice(stack, upstream):
    """alice, whose messages have a long answer."""
    default = Model.objects.get(is_default=True)
    Model.objects.filter(pk=default.pk).update(upstream_id=upstream.register(text=WORDS, rate=200))
    yield stack.person("alice")
    Model.objects.filter(pk=default.pk).update(upstream_id=default.upstream_id)


@pytest.fixture
def network(stack):
    with closing(CuttingProxy(stack.url, seed=7)) as proxy:
        proxy.arm(other=BYTES)
        yield proxy


@pytest.fixture
def document(stack, tmp_path) -> Path:
    """The document as the running site serves it."""
    path = tmp_path / "openapi.json"
    done = run(["curl", "-sSf", f"{stack.url}/api/v1/openapi.json", "-o", path], tmp_path)
    assert done.returncode == 0, done.stderr
    return path


def assert_said(done: subprocess.CompletedProcess, network: CuttingProxy, alice) -> None:
    assert done.returncode == 0, done.stdout[-500:] + done.stderr[-2_000:]
    assert done.stdout == "".join(WORDS) + "run.completed\n"
    assert check(Run.objects.get(session__owner=alice.user)).status == Status.COMPLETED
    assert network.cuts["other"] >= 2, "the network has cut nothing"


def test_the_client_for_python_resumes_its_stream(stack, document, tmp_path, alice, network):
    generator = Path(sys.executable).with_name("openapi-python-client")
    (tmp_path / "config.yaml").write_text("post_hooks: []\n")  # no formatter
    options = ["--meta", "none", "--config", "config.yaml", "--path", document, "--fail-on-warning"]
    made = run([generator, "generate", *options, "--output-path", tmp_path / "chatapp_client"], tmp_path)
    assert made.returncode == 0, made.stdout + made.stderr
    env = stack.env | {"ADDRESS": network.url, "TOKEN": alice.token}
    assert_said(run([sys.executable, "-c", example("python")], tmp_path, **env), network, alice)


def test_the_client_for_typescript_resumes_its_stream(stack, document, alice, network):
    directory = npm_packages(HERE)
    made = run([program("openapi-typescript"), document, "-o", directory / "chatapp.ts"], directory)
    assert made.returncode == 0, made.stdout + made.stderr
    (directory / "example.ts").write_text(example("ts"))
    compiled = run([program("tsc")], directory)
    assert compiled.returncode == 0, compiled.stdout
    env = stack.env | {"ADDRESS": network.url, "TOKEN": alice.token}
    assert_said(run(["node", "example.js"], directory, **env), network, alice)
