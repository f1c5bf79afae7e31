"""The examples of docs/openai.md do what the page says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from runs.models import Model, Run
from runs.states import Status, Trigger
from tests.harness.check import check
from tests.harness.node import node_program
from tests.harness.plugin import skip_missing
from tests.harness.processes import find_program

pytestmark = pytest.mark.one_database

PAGE = Path(settings.BASE_DIR, "docs", "openai.md").read_text()
MODELS = ("betula", "nomic-embed-text")
STRICT = 'set -eu -o pipefail\ncurl() { command curl --fail-with-body "$@"; }\n'


def blocks(language: str) -> str:
    """All of a language, one after the other, but for what sets the address and the key."""
    found = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return "\n".join(block for block in found if "export" not in block)


def commands() -> dict[str, list[str]]:
    if not all(map(find_program, ("bash", "curl", "jq"))):
        skip_missing("bash, curl or jq is not installed")
    return {
        "python": [sys.executable, "-c", blocks("python")],
        "js": [node_program(), "--input-type=module", "--eval", blocks("js")],
        "sh": ["bash", "-c", STRICT + blocks("sh")],
    }


@pytest.mark.parametrize(("language", "said", "runs"), [("python", "w20 ", 10), ("js", "w20 ", 1), ("sh", "[DONE]", 2)])
def test_the_examples_do_what_the_page_says(stack, language, said, runs):
    alice = stack.person("alice")
    scripted = Model.objects.get(name="scripted")
    named = {"provider": scripted.provider, "upstream_id": "scripted", "enabled": True}
    for name in MODELS:
        Model.objects.update_or_create(name=name, defaults=named | {"label": name.title()})
    env = stack.env | {"OPENAI_BASE_URL": f"{stack.url}/v1", "OPENAI_API_KEY": alice.token}
    try:
        done = subprocess.run(
            commands()[language],
            env=env,
            cwd=settings.BROWSER_PACKAGES_DIR.parent,
            capture_output=True,
            text=True,
            timeout=60,
        )
    finally:
        Model.objects.filter(name__in=MODELS).update(enabled=False)
    assert done.returncode == 0, done.stdout[-500:] + done.stderr[-2000:]
    assert said in done.stdout
    ended = [check(run) for run in Run.objects.filter(session__owner=alice.user)]
    assert len(ended) == runs
    assert {(run.status, run.trigger) for run in ended} == {(Status.COMPLETED, Trigger.API)}
