"""An upstream that floods ends its own run, and no other one waits for it."""

from runs.models import Model, Provider, Worker
from runs.states import Status
from tests.harness.check import check
from tests.harness.upstream import prompt, spoken
from tests.runs.loopback import HEAD
from tests.runs.test_bounded_work import Flood


def test_a_flood_of_empty_lines_ends_its_own_run_and_costs_nobody_the_lease(stack):  # B68
    """59 MB of `data:` lines blocked the worker's loop until its lease ran out, and another user's run was lost."""
    alice, bob = stack.person("alice"), stack.person("bob")
    calm = bob.send(prompt(tokens=60, rate=20))
    with Flood(HEAD + b"\r\n", b"data:\n" * 10_000, 980) as upstream:
        provider = Provider.objects.create(name="flood", base_url=upstream.url.removesuffix("/chat/completions"))
        Model.objects.create(name="flood", label="Flood", provider=provider, upstream_id="x")
        hostile = check(alice.send("Flood.", model="flood"))
    assert (hostile.status, hostile.code) == (Status.FAILED, "upstream_too_large")
    calm = check(calm)
    assert (calm.status, calm.message.content) == (Status.COMPLETED, spoken(60))
    assert Worker.objects.filter(pk__in=[calm.worker_id, hostile.worker_id]).count() == 1
