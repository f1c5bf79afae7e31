"""Real clients against a running stack. They are installed from the lock files in this directory, for `make test-all`.

With CLIENTS_TABLE the run writes its results into the table of that page: `make clients`.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from chatapp.openai.models import ModelAlias
from runs.models import Model
from tests.browser.drivers import Drivers
from tests.browser.web_server import WebServer
from tests.clients.npm import npm_packages
from tests.harness.plugin import skip_missing
from tests.harness.processes import temporary_directory
from tests.harness.upstream import prompt, spoken

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
    for name in ("gpt-5", "betula"):
        ModelAlias.objects.get_or_create(name=name, model=Model.objects.get(name="scripted"))
    alice = stack.person("alice")
    own = {"OPENAI_BASE_URL": f"{stack.url}/v1", "OPENAI_API_KEY": alice.token}
    failing = prompt(status=429)
    slow = {"SLOW_PROMPT": prompt(tokens=40, rate=20), "SLOW_TEXT": spoken(40)}
    prompts = {"PROMPT": prompt(**SAY), "FAILING_PROMPT": failing, "SITE": stack.url} | slow
    return {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | own | prompts


def drive(command: list[str], environment: dict[str, str], directory: Path = HERE) -> None:
    """Run a script that prints its results, one JSON object a line, and assert that all of them are right."""
    done = subprocess.run(command, env=environment, cwd=directory, capture_output=True, text=True, timeout=300)
    results = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert results and done.returncode == 0, done.stdout + done.stderr[-2000:]
    for result in results:
        rows.append(f"| {result['client']} | {result['way']} | {'passes' if result['ok'] else result['detail']} |")
    assert [result for result in results if not result["ok"]] == []


@pytest.mark.parametrize("script", ["ai_sdk.mjs", "chat.mjs", "agents.mjs", "openai_node.mjs"])
def test_clients_for_node_work_unchanged(environment, script):
    drive(["node", script], environment, npm_packages(HERE))


@pytest.mark.parametrize(
    ("lock", "script"),
    [("agents", "agents_sdk.py"), ("openai1", "openai_python.py"), ("openai2", "openai_python.py")],
)
def test_clients_for_python_work_unchanged(environment, lock, script):
    drive([python_with(lock), script], environment)


def test_the_present_client_for_python_works_unchanged(environment):
    drive([sys.executable, "openai_python.py"], environment)


PAGE = Path(HERE.parents[2], "docs", "clients.md").read_text()
NEWEST = {"openai": 7, "ai": 7, "@ai-sdk/openai": 7, "@ai-sdk/openai-compatible": 7, "@ai-sdk/react": 7}


def sections() -> list[tuple[str, str, str]]:
    """The page's programs: under which heading, in which language, and the code."""
    found = re.findall(r"^## (.*?)$|^```(python|js)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    heading, programs = "", []
    for title, language, code in found:
        heading = title or heading
        if language:
            programs.append((heading, language, code))
    return programs


@pytest.mark.parametrize(("heading", "language", "code"), sections(), ids=lambda value: value[:20])
def test_the_programs_of_the_page_do_what_it_says(environment, heading, language, code):
    if language == "python":
        lock = "agents" if "agents" in code else ""
        command, directory = [python_with(lock) if lock else sys.executable, "-c", code], HERE
    else:
        for name, version in NEWEST.items():  # the lock file has several versions under names of their own
            code = code.replace(f'from "{name}"', f'from "{name}-{version}"')
        command, directory = ["node", "--input-type=module", "--eval", code], npm_packages(HERE)
    for address in ("http://127.0.0.1:8000", "https://chat.example.org"):
        command[-1] = command[-1].replace(address, environment["SITE"])
    done = subprocess.run(command, env=environment, cwd=directory, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "w1 w2 " in done.stdout, done.stdout + done.stderr[-2000:]


def test_a_page_of_another_origin_follows_with_an_event_source(environment, stack, monkeypatch):  # B55
    """The one of npm, which can send a token, in Chromium: all sessions, and a run."""
    program = next(filter(None, map(shutil.which, ["chromium-headless-shell", "chromium"])), None)
    if program is None:
        skip_missing("Chromium is not installed")
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # of playwright's loop, which is in this thread
    drivers, alice = Drivers(), stack.person("alice")
    with page_of_another_origin() as origin, drivers.in_use():
        web = WebServer(stack, ALLOWED_ORIGINS=origin)
        try:
            page = drivers.browser("chromium", program).new_page()
            page.goto(f"{origin}/")
            page.evaluate("([site, token]) => follow(`${site}/api/v1/events`, token)", [web.url, alice.token])
            page.wait_for_function("heard.length > 0")  # it is live
            run = alice.send(prompt(tokens=5))
            page.wait_for_function("heard.some((event) => event.kind !== 'live')")
            page.evaluate("([site, run, token]) => follow(`${site}/api/v1/runs/${run}/events`, token)",
                          [web.url, str(run.pk), alice.token])  # fmt: skip
            page.wait_for_function("heard.some((event) => event.kind === 'run.completed')")
            text = page.evaluate("heard.map((event) => event.data.text ?? '').join('')")
        finally:
            web.kill()
            drivers.close()
    assert text == spoken(5)
    rows.append("| eventsource (Chromium, of another origin) | all sessions, and a run | passes |")


@contextmanager
def page_of_another_origin():
    """Serves a page with the package. Yields its origin."""
    packages = Path(HERE.parents[2], "deploy", "browser", "node_modules")
    files = {
        "/": b"""<!doctype html><script type="importmap">{"imports": {
            "eventsource-parser": "/parser.js", "eventsource-parser/stream": "/stream.js"}}</script>
            <script type="module" src="/page.js"></script>""",
        "/page.js": b"""import { EventSource } from "/eventsource.js";
            window.heard = [];
            window.follow = (address, token) => {
                const Authorization = `Bearer ${token}`;
                const source = new EventSource(address, {
                    fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers, Authorization } }) });
                source.onmessage = ({ data }) => heard.push(JSON.parse(data));
            };""",
        "/eventsource.js": (packages / "eventsource" / "dist" / "index.js").read_bytes(),
        "/parser.js": (packages / "eventsource-parser" / "dist" / "index.js").read_bytes(),
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = files.get(self.path)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Type", "text/javascript" if self.path.endswith(".js") else "text/html")
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_codex_calls_a_tool_and_resumes(environment, stack, tmp_path):
    """Its configuration is that of docs/clients.md."""
    config = re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)[1]
    config = config.replace("http://127.0.0.1:8000/v1", environment["OPENAI_BASE_URL"])
    home = tmp_path / "codex"
    home.mkdir()
    (home / "config.toml").write_text(config)
    environment = environment | {"CODEX_HOME": str(home)}
    call = {"id": "call_x", "name": "exec_command", "arguments": json.dumps({"cmd": "echo wren-$((40 + 2))"})}
    say = prompt(tokens=0, tools=[call], finish="tool_calls", then={"text": ["All done."]})
    program = npm_packages(HERE) / "node_modules" / ".bin" / "codex"
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
    # The commands of the page, in a repository, as codex demands.
    commands = re.search(r"^codex .*?(?=^```)", PAGE, re.DOTALL | re.MULTILINE)[0]
    path = f"{program.parent}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(
        ["bash", "-ec", f"git init -q\n{commands}"],
        env=environment | {"PATH": path},
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0 and done.stdout.count("w1 w2 ") >= 2, done.stdout + done.stderr[-2000:]
