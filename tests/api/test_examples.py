"""The commands of docs/api.md, run one after the other as a reader would run them."""

import re
import subprocess
from pathlib import Path

import pytest
from django.conf import settings

from chatapp.api.urls import urlpatterns
from runs.models import Model, Run
from runs.states import Status, StopReason, Trigger
from tests.harness.check import check, wait_for_end
from tests.harness.plugin import missing
from tests.harness.processes import find_program

PAGE = Path(settings.BASE_DIR, "docs", "api.md").read_text()
BLOCKS = [block for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) if "curl" in block]
STRICT = 'set -eu -o pipefail\ncurl() { command curl --fail-with-body "$@" || { echo "refused: $*" >&2; exit 1; }; }\n'


def test_every_address_is_on_the_page():
    named = {
        re.sub(r"\{id\}|<uuid:pk>", "…", path) for path in re.findall(r"^\| `[A-Z]+ /([^`?]+)", PAGE, re.MULTILINE)
    }
    served = {str(pattern.pattern).replace("<uuid:pk>", "…") for pattern in urlpatterns if pattern.name != "missing"}
    assert named == served


@pytest.mark.stack
def test_the_examples_do_what_the_page_says(make_stack, upstream):  # B18, B21
    for program in ("bash", "curl", "jq"):
        if not find_program(program):
            missing(f"{program} is not installed")
    stack = make_stack()
    alice = stack.person("alice")
    # An answer that takes a while, so that what is sent after it waits.
    Model.objects.update(upstream_id=upstream.register(tokens=300, rate=100))
    script = STRICT + "\n".join(BLOCKS)
    env = stack.env | {"TOKEN": alice.token, "SITE": f"{stack.url}/api/v1"}
    done = subprocess.run(["bash", "-c", script], env=env, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout[-500:] + done.stderr[-500:]
    # It should have answered, continued, answered again, branched, and sent once what was sent twice.
    runs = list(Run.objects.filter(session__title="Birds").order_by("queued_at"))
    assert len(runs) == 5 and {run.trigger for run in runs} == {Trigger.API}
    ends = [wait_for_end(runs[0]), *map(check, runs[1:])]  # the message of the first has grown since
    # What was being answered when the next was asked for was replaced; what waited then came after it.
    assert {(run.status, run.reason) for run in ends} == {
        (Status.COMPLETED, ""),
        (Status.STOPPED, StopReason.REPLACED),
    }
    # The session that the page deletes should be gone.
    assert not Run.objects.filter(session__title="Stories").exists()
