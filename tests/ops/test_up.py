"""`manage.py up`, the real thing: started, asked twice, stopped, killed, and with everything in its way."""

import fcntl
import http.cookiejar
import json
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from types import SimpleNamespace
from urllib.parse import urlencode

import psutil
import pytest

from chatapp.ops.instance_lock import AlreadyRunning, hold_instance
from chatapp.ops.model_server import weights
from tests.browser.window import expect
from tests.harness import databases
from tests.harness.check import check
from tests.harness.facts import wait_until
from tests.harness.people import Person
from tests.harness.plugin import skip_missing
from tests.harness.processes import ROOT, Part, inherited, run_program, temporary_directory
from tests.harness.stack import clean_env, ensure_model
from tests.harness.upstream import prompt, spoken

PROGRAMS = {
    "valkey": lambda process: process.name() == "valkey-server",
    "web": lambda process: process.cmdline()[1:3] == ["-m", "daphne"],
    "worker": lambda process: process.cmdline()[1:6] == ["-m", "celery", "-A", "chatapp", "worker"],
    "beat": lambda process: process.cmdline()[1:6] == ["-m", "celery", "-A", "chatapp", "beat"],
    "model": lambda process: process.cmdline()[1:3] == ["-m", "chatapp.ops.model_server"],
}
WATCH_IT_GROW = """
window.lengths = [];
new MutationObserver(() => {
  const length = document.querySelector("[data-text]")?.textContent.length;
  if (length && length !== lengths.at(-1)) lengths.push(length);
}).observe(document, { subtree: true, childList: true, characterData: true });
"""
pytestmark = pytest.mark.stack
UP = [sys.executable, str(ROOT / "manage.py"), "up"]
OPEN_UMASK = ["sh", "-c", 'umask 000; exec "$@"', "sh"]  # the worst that a shell can have


class Site(Part):
    """`manage.py up` in a data directory of its own, on a free port."""

    def __init__(self, **values):
        self.data = temporary_directory("up") / "data"  # not there yet
        env = clean_env(DATA_DIR=str(self.data), **{"PORT": "0", "LOCAL_MODEL": "0", **values})
        super().__init__("up", OPEN_UMASK + UP, self.data.parent, env)

    def start(self):
        super().start()
        self.url = self.wait_for_line(r"(?m)^Ready: (http://127\.0\.0\.1:\d+/)$", patience=60)[1]
        self.link = self.wait_for_line(r"http://\S+/login/link#\S+")[0]
        self.family = psutil.Process(self.pid).children(recursive=True)
        return self

    def part(self, name: str) -> psutil.Process:
        """The process on the leash, not the leash."""
        family = psutil.Process(self.pid).children(recursive=True)
        return next(process for process in family if is_running(process) and PROGRAMS[name](process))

    def is_ready(self) -> bool:
        try:
            with get(f"{self.url}readyz") as answer:
                return answer.status == 200
        except urllib.error.URLError:
            return False

    def survivors(self) -> list[psutil.Process]:
        return [process for process in self.family if is_running(process)]

    def manage(self, *words) -> str:
        done = run_program([sys.executable, "manage.py", *words], self.env, 120)
        assert done.returncode == 0, done.stderr
        return done.stdout


def is_running(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def stopped_parts(log: str) -> list[str]:
    return re.findall(r"(?m)^  (\w+) +stopped after", log)


@pytest.fixture(scope="module")
def site():
    """One that is only looked at, with the local model if it is installed; nothing of it is left at the end."""
    site = Site(LOCAL_MODEL="1" if weights() else "0").start()
    yield site
    site.kill()
    wait_until(lambda: not site.survivors(), "all parts are gone")


@pytest.fixture
def own_site():
    """One that may be broken."""
    with inherited(signal.SIGHUP, signal.SIG_DFL):
        site = Site().start()
    yield site
    site.kill()


def get(url: str, **headers):
    return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=20)


def press(link: str) -> tuple[int, str]:
    """Open a log-in link in a new browser and press its button: the status and the address that one gets to."""
    page, _, token = link.partition("#")
    cookies = http.cookiejar.CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(cookies))
    with browser.open(page, timeout=20):
        pass
    form = {"token": token, "csrfmiddlewaretoken": next(cookie.value for cookie in cookies)}
    try:
        with browser.open(page, urlencode(form).encode(), timeout=20) as answer:
            return answer.status, answer.url
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.url


# -- while it runs ---------------------------------------------------------------------------------


def test_when_it_says_ready_the_login_page_answers(site):
    with get(f"{site.url}login") as answer:
        assert answer.status == 200


def test_the_link_logs_the_owner_in_once(site):
    assert press(site.link) == (200, f"{site.url}welcome")
    assert press(site.link)[0] == 403


def test_the_console_stays_quiet_and_every_part_has_a_log(site):
    assert len(site.log().splitlines()) < 20
    assert {path.stem for path in (site.data / "log").glob("*.log")} >= {"valkey", "worker", "web"}


def test_a_second_one_says_that_one_is_running_already(site):
    second = subprocess.run(UP, env=site.env, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert second.returncode == 1
    assert f"already running: {site.url} (pid {site.pid})" in second.stderr
    assert "manage.py login_link" in second.stderr
    assert all(is_running(process) for process in site.family)


def test_no_password_is_in_a_command_line_or_a_readable_file(site):
    url = (site.data / "redis_url").read_text()
    password = re.search(r":([^:@]+)@", url)[1]
    assert not any(password in " ".join(process.cmdline()) for process in site.family)
    holders = [path for path in site.data.rglob("*") if path.is_file() and password.encode() in path.read_bytes()]
    assert holders and all(path.stat().st_mode & 0o077 == 0 for path in holders)


def test_nobody_else_can_read_what_it_writes_whatever_the_umask(site):
    paths = {path.relative_to(site.data): path for path in [site.data, *site.data.rglob("*")] if path.exists()}
    private = {str(name): path.stat().st_mode & 0o777 for name, path in paths.items() if "static" not in name.parts}
    written = ["chatapp.sqlite3", "redis_url", "running.json", "log/web.log", "log/worker.log", "valkey/valkey.conf"]
    assert set(written) <= private.keys()
    assert any(name.startswith("valkey/appendonlydir/") for name in private)
    assert {name: oct(mode) for name, mode in private.items() if mode & 0o077} == {}


def test_valkey_listens_on_this_machine_only_and_wants_a_password(site):
    listening = [c.laddr for c in site.part("valkey").net_connections("tcp") if c.status == psutil.CONN_LISTEN]
    assert [address.ip for address in listening] == ["127.0.0.1"]
    with socket.create_connection(listening[0], timeout=5) as connection:
        connection.sendall(b"PING\r\n")
        assert connection.recv(100).startswith(b"-NOAUTH")


def test_other_commands_find_its_broker(site):
    said = site.manage("shell", "-v0", "-c", "from django.conf import settings; print(settings.REDIS_URL)")
    assert said.strip() == (site.data / "redis_url").read_text()


def test_another_login_link_can_be_had_while_it_runs(site):
    site.manage("createsuperuser", "--noinput", "--username", "charlie", "--email", "charlie@example.org")
    link = site.manage("login_link", "charlie").strip()
    assert link.startswith(f"{site.url}login/link#")
    assert press(link) == (200, f"{site.url}welcome")


# -- how it ends -----------------------------------------------------------------------------------


def assert_stops_in_order_and_leaves_nothing(site: Site, number: int = signal.SIGTERM) -> None:
    site.family = psutil.Process(site.pid).children(recursive=True)
    assert site.stop(60, number) == 0
    assert stopped_parts(site.log()) == ["web", "beat", "worker", "valkey"]
    assert site.survivors() == []
    assert not (site.data / "redis_url").exists()


@pytest.mark.long  # tests/ops/test_leash.py has each part by itself
def test_killed_with_9_it_leaves_nothing_running(own_site):
    own_site.kill()
    wait_until(lambda: not own_site.survivors(), "all parts are gone")


# -- a part that ends is started again (B86) -------------------------------------------------------


def said_of(site: Site, name: str, words: str) -> int:
    """How often the console has said something of a part."""
    return len(re.findall(rf"(?m)^ *{name} +{words}", site.log()))


def kill_and_await(site: Site, *names: str) -> None:
    """Kill -9 these parts at once, as the kernel does when memory runs out, and wait until all are ready again."""
    before = {name: said_of(site, name, "ready again") for name in names}
    for process in [site.part(name) for name in names]:
        process.kill()
    for name in names:
        wait_until(lambda name=name: said_of(site, name, "ready again") > before[name], f"{name} is back", patience=60)


@pytest.mark.long  # beside it: the worker, and test_supervisor.py for what starts parts again
def test_every_part_that_is_killed_is_started_again_where_it_was(own_site):
    broker = (own_site.data / "redis_url").read_text()
    for name in ("web", "valkey", "beat"):
        if name == "beat":  # killed while it wrote its schedule
            for path in own_site.data.glob("celerybeat-schedule*"):
                path.write_bytes(b"torn" * 1000)
        kill_and_await(own_site, name)
        assert said_of(own_site, name, r"has ended \(exit code 137: .*\)\. It will be restarted in 1 s\.") == 1
    kill_and_await(own_site, "valkey", "web", "beat", "worker")
    # It should be the same site as before: its address, its broker, and its order of stopping.
    with get(f"{own_site.url}login") as answer:
        assert answer.status == 200
    assert (own_site.data / "redis_url").read_text() == broker
    wait_until(own_site.is_ready, "all of it works")
    assert_stops_in_order_and_leaves_nothing(own_site)


@pytest.mark.long  # test_supervisor kills parts that start at once
@pytest.mark.one_database
def test_runs_of_a_killed_worker_end_lost_the_next_one_is_answered_and_all_parts_stop_in_order(
    own_site, upstream, _no_transaction
):  # B12
    with databases.using(str(own_site.data / "chatapp.sqlite3")):
        ensure_model(upstream)
        alice = Person(own_site.url.rstrip("/"), "alice")
        watched, unwatched = prompt(tokens=9, stall_after=3), prompt(tokens=9, stall_after=3)
        runs = [alice.send(watched), alice.send(unwatched)]
        follower = alice.follow_ws(runs[0])
        follower.wait_for_text(spoken(3))
        upstream.wait(unwatched.tag, "stalled")
        own_site.part("worker").kill()
        assert [check(runs[0], follower).status, check(runs[1]).status] == ["lost", "lost"]
        assert check(alice.send(prompt(tokens=3))).status == "completed"
        alice.leave()
    assert_stops_in_order_and_leaves_nothing(own_site, signal.SIGHUP)  # its terminal closes


# -- what can be in its way ------------------------------------------------------------------------


def run_up(**values) -> subprocess.CompletedProcess:
    env = Site(**values).env
    return subprocess.run(UP, env=env, cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_a_port_that_is_taken_is_named_with_a_way_out():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = run_up(PORT=str(port))
    assert done.returncode == 1
    assert f"Can't listen on 127.0.0.1:{port}: Address already in use." in done.stderr
    assert f"make run PORT={port + 1}" in done.stderr


def test_an_address_that_is_not_this_machines_is_named():
    done = run_up(HOST="192.0.2.1")
    assert done.returncode == 1
    assert "Can't listen on 192.0.2.1" in done.stderr


def test_while_another_one_is_starting_nobody_is_told_to_kill_pid_0(tmp_path):
    (tmp_path / "running.json").touch()
    with (tmp_path / "running.json").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with (
            pytest.raises(AlreadyRunning, match=r"pid unknown\). Stop it with Ctrl-C there\n"),
            hold_instance(tmp_path, ""),
        ):
            pass


def test_a_database_out_of_reach_ends_the_start_with_a_reason():
    done = run_up(DATABASE_URL="sqlite:////nowhere/at/all.sqlite3")
    assert done.returncode == 1
    assert "The start failed: unable to open database file" in done.stdout
    assert stopped_parts(done.stdout) == ["valkey"]


# -- the local model -------------------------------------------------------------------------------


@pytest.fixture
def local_site(site):
    if weights() is None:
        skip_missing("the local model is not installed: it was not tested")
    return site


uses_all_cores = pytest.mark.alone


@pytest.mark.timeout(240)
def test_the_local_model_answers_who_has_its_key(local_site):
    server = local_site.part("model")
    port, key = server.cmdline()[-1], server.environ()["LOCAL_MODEL_KEY"]
    # With a limit: a model as small as this one may not find the end of its answer for minutes.
    body = {"model": "smollm2", "stream": True, "max_tokens": 16}
    body["messages"] = [{"role": "user", "content": "Say hello."}]
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/chat/completions",
        json.dumps(body).encode(),
        {"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    with get(f"http://127.0.0.1:{port}/health") as health, urllib.request.urlopen(request, timeout=60) as answer:
        assert health.status == 200
        assert answer.read().decode().rstrip().endswith("data: [DONE]")
    assert key not in " ".join(server.cmdline())


@pytest.mark.long  # below it answers through the whole site, and tests/ops/test_commands.py asks
@uses_all_cores
@pytest.mark.timeout(240)
def test_the_local_model_is_asked_from_the_command_line(local_site):
    assert "Paris" in local_site.manage("ask", "What is the capital of France?", "--user", "owner")


@uses_all_cores
def test_from_the_link_that_is_printed_to_an_answer_that_streams_in_a_browser(local_site, open_window):
    """What whoever tries it for the first time does and sees, with the model that comes with it."""
    window = open_window(SimpleNamespace(url=local_site.url))
    window.context.add_init_script(WATCH_IT_GROW)
    tab = window.tab
    tab.page.goto(local_site.manage("login_link", "owner").strip())
    tab.page.get_by_role("button", name="Log in").click()
    tab.page.get_by_role("link", name="Not now").click()  # a password can wait
    expect(tab.page.get_by_role("heading", name="What would you like to know?")).to_be_visible()
    tab.send("What is the capital of France? Tell me about it.")
    tab.wait_for_session()
    tab.expect_state("complete")
    expect(tab.answers.last).to_contain_text("SmolLM2 135M (demo)")
    expect(tab.answer).to_contain_text("Paris")
    expect(tab.answers.last.locator(".figures")).to_contain_text("tokens/s")
    lengths = tab.page.evaluate("lengths")
    assert len(lengths) > 2 and lengths == sorted(lengths)  # it came piece by piece, and nothing went away
