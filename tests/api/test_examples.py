"""The examples of the documentation, run as a reader would run them.

That is every block of `sh` that calls curl, and every block of `python` and `js`. Each of the latter is a program of
its own; the others of a page go on where the one before has ended.
"""

import base64
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest
from django.conf import settings
from standardwebhooks import Webhook, WebhookVerificationError

from chatapp.api.urls import urlpatterns
from runs.models import Model, Run
from runs.states import Status, StopReason, Trigger
from tests.harness.check import check, wait_for_end
from tests.harness.node import node_program
from tests.harness.plugin import skip_missing
from tests.harness.processes import find_program

DOCS = Path(settings.BASE_DIR, "docs")
STRICT = 'set -eu -o pipefail\ncurl() { command curl --fail-with-body "$@" || { echo "refused: $*" >&2; exit 1; }; }\n'
SITES = {"api.md": "/api/v1", "aisdk.md": ""}  # the pages whose examples are run here: what $SITE is there
ELSEWHERE = {"webhooks.md", "openai.md", "clients.md", "generated-clients.md"}  # in tests/openai and tests/clients
READER_S = r"^export (TOKEN|SITE)=.*$"  # lines that a reader writes as it suits him


class Block(NamedTuple):
    page: str
    language: str
    code: str

    @property
    def is_run(self) -> bool:
        return self.language in ("python", "js") or (self.language == "sh" and "curl " in self.code)


def blocks() -> list[Block]:
    pages = [*sorted(DOCS.rglob("*.md")), Path(settings.BASE_DIR, "README.md")]
    fences = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
    return [Block(page.name, *found) for page in pages for found in fences.findall(page.read_text())]


def test_every_address_is_on_the_page():
    page = (DOCS / "api.md").read_text()
    named = {
        re.sub(r"\{id\}|<uuid:pk>", "…", path) for path in re.findall(r"^\| `[A-Z]+ /([^`?]+)", page, re.MULTILINE)
    }
    served = {str(pattern.pattern).replace("<uuid:pk>", "…") for pattern in urlpatterns if pattern.name != "missing"}
    assert named == served


def test_every_example_that_can_be_run_is_run():
    assert {block.page for block in blocks() if block.is_run} == {*SITES, *ELSEWHERE}
    # What is written in any other language is no program, or cannot stand alone.
    others = {block.language for block in blocks() if not block.is_run}
    assert others <= {"", "diff", "sh", "json", "jsx", "http", "ini", "nginx", "toml", "ts", "yaml"}


def test_the_receiver_of_webhooks_knows_what_is_ours():
    secret = "whsec_" + base64.b64encode(b"s" * 24).decode()
    [block] = [block for block in blocks() if block.page == "webhooks.md" and block.is_run]
    exec(block.code.replace("whsec_…", secret), names := {})
    body, now = b'{"type": "run.final"}', datetime.now(UTC)
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int(now.timestamp()))}
    headers["webhook-signature"] = Webhook(secret).sign("msg_1", now, body.decode())
    assert names["receive"](body, headers) == {"type": "run.final"}
    with pytest.raises(WebhookVerificationError):
        names["receive"](body + b" ", headers)


@pytest.fixture
def programs(stack, upstream):
    """Starts what is in blocks of one language, with a token of this user's; the processes."""
    for program in ("bash", "curl", "jq"):
        if not find_program(program):
            skip_missing(f"{program} is not installed")
    default = Model.objects.get(is_default=True)
    # An answer that takes a while, so that what is sent after it waits.
    slow = upstream.register(tokens=150, rate=100)
    Model.objects.filter(pk=default.pk).update(upstream_id=slow)
    started = []

    def start(person, page: str, language: str) -> list[subprocess.Popen]:
        codes = [block.code for block in blocks() if block.is_run and (block.page, block.language) == (page, language)]
        if language == "sh" and codes:
            codes = [STRICT, *(re.sub(READER_S, "", code, flags=re.MULTILINE) for code in codes)]
        if language != "js" and codes:
            codes = ["\n".join(codes)]
        env = stack.env | {"TOKEN": person.token, "SITE": stack.url + SITES[page]}
        begun = [_start(code, language, env) for code in codes]
        started.extend(begun)
        return begun

    yield start
    for process in started:
        process.kill()
        process.communicate()
    Model.objects.filter(pk=default.pk).update(upstream_id=default.upstream_id)


def _start(code: str, language: str, env: dict[str, str]) -> subprocess.Popen:
    commands = {
        "sh": lambda: [shutil.which("bash"), "-c", code],
        "python": lambda: [sys.executable, "-c", code],
        "js": lambda: [node_program(), "--input-type=module", "--eval", code],
    }
    pipe, packages = subprocess.PIPE, settings.BROWSER_PACKAGES_DIR.parent
    return subprocess.Popen(commands[language](), cwd=packages, env=env, stdout=pipe, stderr=pipe, text=True)


def said(process: subprocess.Popen) -> str:
    """What a program has printed; AssertionError if it failed."""
    out, err = process.communicate(timeout=100)
    assert process.returncode == 0, out[-1000:] + err[-1000:]
    return out


@pytest.mark.one_database
def test_the_examples_do_what_the_pages_say(stack, programs):  # B18, B21
    alice = stack.person("alice")
    begun = {(page, language): programs(alice, page, language) for page in SITES for language in ("sh", "python", "js")}
    out = {which: "".join(map(said, processes)) for which, processes in begun.items()}
    # Each should have come to the end of an answer.
    for which in (("api.md", "python"), ("api.md", "js")):
        assert "w149 w150 completed\n" in out[which]
    assert "{'state': 'already_final', 'status': 'completed'}" in out["api.md", "python"]
    assert '"finishReason":"stop"' in out["aisdk.md", "sh"]
    complete, stop, *end = out["aisdk.md", "js"].split("\n")[-4:]
    assert (complete, end) == ("complete", ["stopped", ""])
    assert stop in ("{ state: 'stopping' }", "{ state: 'stopped' }")  # by whether it was quicker than its answer
    check_what_the_shell_did(Run.objects.filter(session__owner=alice.user))


def check_what_the_shell_did(all_runs):
    # It should have answered, continued, answered again, branched, and sent once what was sent twice.
    runs = list(all_runs.filter(session__title="Birds").order_by("queued_at"))
    assert len(runs) == 5 and {run.trigger for run in runs} == {Trigger.API}
    ends = [wait_for_end(runs[0]), *map(check, runs[1:])]  # the message of the first has grown since
    # What was being answered when the next was asked for was replaced; what waited then came after it.
    assert {(run.status, run.reason) for run in ends} == {
        (Status.COMPLETED, ""),
        (Status.STOPPED, StopReason.REPLACED),
    }
    # The session that the page deletes should be gone.
    assert not all_runs.filter(session__title="Stories").exists()
