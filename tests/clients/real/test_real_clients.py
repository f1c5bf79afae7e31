"""Real clients against a running stack. They are installed from the lock files in this directory, for `make test-all`.

With CLIENTS_TABLE the run writes its results into the table of that page: `make clients`.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from chatapp.openai.models import ModelAlias
from runs.models import Model
from tests.harness.plugin import skip_missing
from tests.harness.processes import temporary_directory
from tests.harness.upstream import prompt

pytestmark = [pytest.mark.long, pytest.mark.one_database, pytest.mark.timeout(900)]

HERE = Path(__file__).parent
CALL = {"id": "call_w", "name": "weather", "arguments": '{"city": "Bern"}'}
SAY = {"tokens": 0, "reasoning": 2, "tools": [CALL], "finish": "tool_calls", "then": {"text": ["It is cold."]}}
TABLE = re.compile(r"(?<=<!-- the table: written by make clients -->\n).*", re.DOTALL)
rows: list[str] = []


@pytest.fixture(scope="module", autouse=True)
def _table():
    """Write what the tests of this module have found out, if all of them have run."""
    yield
    if page := os.environ.get("CLIENTS_TABLE"):
        table = "| client | way | |\n|---|---|---|\n" + "\n".join(rows) + "\n"
        Path(page).write_text(TABLE.sub(lambda _: table, Path(page).read_text()))


@cache
def npm_packages() -> Path:
    """A directory with the npm packages and the scripts that drive them."""
    npm = shutil.which("npm")
    if npm is None:
        skip_missing("npm is not installed")
    directory = temporary_directory("npm")
    for path in (*HERE.glob("package*.json"), HERE / ".npmrc", *HERE.glob("*.mjs")):
        shutil.copy(path, directory)
    done = subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=directory, capture_output=True, text=True)
    if done.returncode:
        skip_missing(f"the npm packages cannot be installed: {done.stderr[-500:]}")
    return directory


@cache
def python_with(lock: str) -> str:
    """The Python of a virtual environment with what the lock file has."""
    directory = temporary_directory(lock)
    python = str(directory / "bin" / "python")
    for command in (
        [sys.executable, "-m", "venv", str(directory)],
        [python, "-m", "pip", "install", "-q", "--require-hashes", "-r", str(HERE / f"{lock}.txt")],
    ):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            skip_missing(f"the packages of {lock} cannot be installed: {done.stderr[-500:]}")
    return python


@pytest.fixture
def environment(stack):
    """The variables that clients read. The model also goes by the name of one that the Agents SDKs treat specially."""
    ModelAlias.objects.get_or_create(name="gpt-5", model=Model.objects.get(name="scripted"))
    alice = stack.person("alice")
    own = {"OPENAI_BASE_URL": f"{stack.url}/v1", "OPENAI_API_KEY": alice.token}
    failing = prompt(status=429)
    prompts = {"PROMPT": prompt(**SAY), "FAILING_PROMPT": failing}
    return {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | own | prompts


def drive(command: list[str], environment: dict[str, str], directory: Path = HERE) -> None:
    """Run a script that prints its results, one JSON object a line, and assert that all of them are right."""
    done = subprocess.run(command, env=environment, cwd=directory, capture_output=True, text=True, timeout=300)
    results = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert results and done.returncode == 0, done.stdout + done.stderr[-2000:]
    for result in results:
        rows.append(f"| {result['client']} | {result['way']} | {'passes' if result['ok'] else result['detail']} |")
    assert [result for result in results if not result["ok"]] == []


@pytest.mark.parametrize("script", ["ai_sdk.mjs", "agents.mjs", "openai_node.mjs"])
def test_clients_for_node_work_unchanged(environment, script):
    drive(["node", script], environment, npm_packages())


@pytest.mark.parametrize(
    ("lock", "script"),
    [("agents", "agents_sdk.py"), ("openai1", "openai_python.py"), ("openai2", "openai_python.py")],
)
def test_clients_for_python_work_unchanged(environment, lock, script):
    drive([python_with(lock), script], environment)


def test_the_present_client_for_python_works_unchanged(environment):
    drive([sys.executable, "openai_python.py"], environment)


def test_codex_calls_a_tool_and_resumes(environment, stack, tmp_path):
    """Its configuration is that of docs/clients.md."""
    page = Path(HERE.parents[2], "docs", "clients.md").read_text()
    config = re.search(r"```toml\n(.*?)```", page, re.DOTALL)[1]
    config = config.replace("http://127.0.0.1:8000/v1", environment["OPENAI_BASE_URL"]).replace("betula", "scripted")
    home = tmp_path / "codex"
    home.mkdir()
    (home / "config.toml").write_text(config)
    environment = environment | {"CODEX_HOME": str(home)}
    call = {"id": "call_x", "name": "exec_command", "arguments": json.dumps({"cmd": "echo wren-$((40 + 2))"})}
    say = prompt(tokens=0, tools=[call], finish="tool_calls", then={"text": ["All done."]})
    program = npm_packages() / "node_modules" / ".bin" / "codex"
    options = ["exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"]
    for more, answer in (([say], "All done."), (["resume", "--last", "And now?"], "w1 w2 ")):
        done = subprocess.run(
            [program, *options, *more],
            env=environment,
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0 and answer in done.stdout, done.stdout + done.stderr[-2000:]
    sent = stack.upstream.connections(say.tag)[-1]["body"]["messages"]
    assert any(message["role"] == "tool" and "wren-42" in message["content"] for message in sent)
    rows.append("| codex CLI | a tool loop, and `resume` | passes |")
