"""Traces: what one person asked for is one of them, from the request to the model server. Off unless asked for."""

import json
import sys
from contextlib import contextmanager

import pytest
from django.core.exceptions import ImproperlyConfigured

from chatapp.observability import tracing
from tests.harness.check import check
from tests.harness.facts import wait_until
from tests.harness.processes import ROOT, Part
from tests.harness.stack import clean_env
from tests.harness.upstream import prompt

pytestmark = pytest.mark.one_database
EXTRA = str(ROOT / ".venv" / "otel")
WEB, WORKER = "chatapp-web", "chatapp-worker"


@contextmanager
def collector(directory):
    """The address of one, and a function that tells the spans it was sent."""
    part = Part("collector", [sys.executable, "-m", "tests.ops.collector"], directory, clean_env(PYTHONPATH=EXTRA))
    port = part.start().wait_for_line(r"listens on (\d+)")[1]
    try:
        yield f"http://127.0.0.1:{port}", lambda: [json.loads(line) for line in part.log().splitlines()[1:]]
    finally:
        part.kill()


@pytest.mark.parametrize("pool", ["gevent", pytest.param("prefork", marks=pytest.mark.long)])
def test_one_trace_joins_a_request_its_task_and_what_goes_upstream(make_stack, tmp_path, pool):  # B60
    with collector(tmp_path) as (address, spans):
        values = {"OTEL_EXPORTER_OTLP_ENDPOINT": address, "OTEL_BSP_SCHEDULE_DELAY": "100", "PYTHONPATH": EXTRA}
        stack = make_stack(pool=pool, **values)
        alice = stack.person("alice")
        assert alice.request("GET", "/healthz").status == 200
        run = check(alice.send(prompt(tokens=3)))
        broken = check(alice.send(prompt(tokens=3, status=500)))

        def upstream_of(run):
            ours = {"name": "upstream", "run": str(run.pk)}
            return next((span for span in spans() if naming(span) == ours), None)

        def trace_of(run):
            trace = wait_until(lambda: upstream_of(run), "the upstream's span comes")["trace"]
            whole = lambda: {span["id"]: span for span in spans() if span["trace"] == trace}  # noqa: E731
            wait_until(lambda: len(whole()) >= 4, "the others of its trace come")
            return whole()

        parts, span = trace_of(run), upstream_of(run)
        chain = [span]
        while span["parent"]:
            span = parts[span["parent"]]
            chain.append(span)
        assert [(span["service"], span["name"]) for span in chain] == [
            (WORKER, "upstream"),
            (WORKER, "run/runs.tasks.generate"),
            (WEB, "apply_async/runs.tasks.generate"),
            (WEB, "POST api/v1/sessions/<uuid:pk>/messages"),
        ]
        # Of a failure it should tell the code, and neither words nor a traceback, in which a key could be.
        trace_of(broken)
        failed = upstream_of(broken)
        assert (failed["attributes"]["error.type"], failed["message"], failed["events"]) == (broken.code, "", 0)
        # Of an address it should tell no more than a log does: people search for private things.
        assert alice.page("GET", "/search?q=pr1vate").status == 200
        assert alice.api("GET", "/sessions?q=pr1vate").status == 200
        names = {"GET search", "GET api/v1/sessions"}
        wait_until(lambda: names <= {span["name"] for span in spans()}, "both requests are told of")
        assert "pr1vate" not in json.dumps(spans())
        # Neither probes nor what beat asks for every few seconds should be there.
        assert not [span["name"] for span in spans() if "healthz" in span["name"] or "reap" in span["name"]]


def naming(span):
    return {"name": span["name"], "run": span["attributes"].get("chatapp.run_id")}


def test_an_address_without_the_extra_says_what_to_install(settings, monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry", None)  # wherever it may be installed
    tracing.begin("chatapp-web")  # without an address nothing of it is needed
    settings.OTEL_EXPORTER_OTLP_ENDPOINT = "http://127.0.0.1:9"
    with pytest.raises(ImproperlyConfigured, match=r"pip install -r deploy/requirements/otel\.txt"):
        tracing.begin("chatapp-web")
