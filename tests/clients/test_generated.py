"""A typed client, made from docs/openapi.yaml by a generator that knows nothing else, with a running stack."""

import importlib
import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.conf import settings

from runs.models import Run
from streams.events import Event, fold
from tests.harness.check import check
from tests.harness.facts import wait_until
from tests.harness.upstream import prompt, spoken

pytestmark = [pytest.mark.one_database, pytest.mark.long]  # tests/api/test_schema.py guards what clients are made of

SCHEMA = Path(settings.BASE_DIR, "docs", "openapi.yaml")
PACKAGE = "chatapp_client"


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The name of the package, which can be imported."""
    place = tmp_path_factory.mktemp("generated")
    (place / "config.yaml").write_text("post_hooks: []\n")  # nobody reads it: no need to format it
    options = ["--path", SCHEMA, "--meta", "none", "--config", place / "config.yaml", "--fail-on-warning"]
    program = Path(sys.executable).with_name("openapi-python-client")
    command = [program, "generate", *options, "--output-path", place / PACKAGE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(place)
        yield PACKAGE
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


@pytest.fixture
def api(package):
    """The client's operations, as `api.sessions.send_message(…)`: what is answered, or AssertionError."""

    def of(tag: str) -> SimpleNamespace:
        where = f"{package}.api.{tag}"
        folder = Path(importlib.import_module(where).__file__).parent
        names = [path.stem for path in folder.glob("[a-z]*.py")]
        return SimpleNamespace(**{name: importlib.import_module(f"{where}.{name}").sync for name in names})

    folder = Path(importlib.import_module(f"{package}.api").__file__).parent
    return SimpleNamespace(**{path.name: of(path.name) for path in folder.glob("[a-z]*") if path.is_dir()})


@pytest.fixture
def models(package):
    return importlib.import_module(f"{package}.models")


@pytest.fixture
def client_of(package, stack):
    """A client with the token of this person."""
    client = importlib.import_module(f"{package}.client").AuthenticatedClient
    with ExitStack() as opened:
        yield lambda person: opened.enter_context(client(base_url=stack.url, token=person.token))


def test_a_session_is_made_a_message_sent_and_its_answer_followed(stack, api, models, client_of):
    alice = stack.person("alice")
    client = client_of(alice)
    session = api.sessions.create_session(client=client, body=models.SessionRequest(title="Birds"))
    assert isinstance(session, models.Session) and session.title == "Birds"
    body = models.SendRequest(text=prompt(tokens=5))
    sent, again = (
        api.sessions.send_message(session.id, client=client, body=body, idempotency_key="once") for _ in range(2)
    )
    assert isinstance(sent, models.Accepted) and sent.run.id == again.run.id
    # Followed: every event until the end, with what it says.
    said = events(api.runs.follow_run(sent.run.id, client=client))
    assert fold(said).text == spoken(5) and said[-1].is_final
    # Looked at: the same.
    run = api.runs.read_run(sent.run.id, client=client)
    assert (run.status, run.text, run.last_seq) == (models.StatusEnum.COMPLETED, spoken(5), said[-1].seq)
    page = api.sessions.list_messages(session.id, client=client)
    assert [message.content for message in page.items] == [body.text, spoken(5)]
    assert session.id in [each.id for each in api.sessions.list_sessions(client=client).items]
    check(Run.objects.get(pk=run.id))


def test_an_answer_is_stopped_and_written_on(stack, api, models, client_of):
    alice = stack.person("alice")
    client = client_of(alice)
    session = api.sessions.create_session(client=client, body=models.SessionRequest())
    body = models.SendRequest(text=prompt(tokens=9, stall_after=3))
    run = api.sessions.send_message(session.id, client=client, body=body).run
    wait_until(lambda: api.runs.read_run(run.id, client=client).text == spoken(3), "it has begun")
    assert api.runs.stop_run(run.id, client=client).state == models.StopState.STOPPING
    check(Run.objects.get(pk=run.id))
    assert api.runs.stop_run(run.id, client=client).status == models.StatusEnum.STOPPED
    other = api.runs.continue_run(run.id, client=client).run
    assert (other.message, other.id != run.id) == (run.message, True)
    check(Run.objects.get(pk=other.id))
    assert api.runs.read_run(other.id, client=client).status == models.StatusEnum.COMPLETED


def test_a_schedule_is_kept_asked_by_hand_and_deleted(stack, api, models, client_of):  # B53
    alice = stack.person("alice")
    client = client_of(alice)
    morning = {"kind": models.KindEnum.DAILY, "zone": "Europe/Berlin", "at": "08:30"}
    body = models.ScheduleRequest(name="Morning", prompt=prompt(tokens=4), **morning)
    schedule = api.schedules.create_schedule(client=client, body=body)
    assert isinstance(schedule, models.Schedule), schedule
    occurrence = api.schedules.run_schedule(schedule.id, client=client)
    run = check(Run.objects.get(pk=occurrence.run))
    assert (run.trigger, api.runs.read_run(run.pk, client=client).text) == ("schedule", spoken(4))
    assert [each.run for each in api.schedules.list_occurrences(schedule.id, client=client).items] == [run.pk]
    assert api.schedules.pause_schedule(schedule.id, client=client).id == schedule.id
    assert api.schedules.delete_schedule(schedule.id, client=client) is None
    assert api.schedules.list_schedules(client=client).items == []


def test_a_refusal_is_an_object_too(stack, api, models, client_of):
    client = client_of(stack.person("alice"))
    problem = api.sessions.read_session("00000000-0000-0000-0000-000000000000", client=client)
    assert isinstance(problem, models.Problem) and (problem.status, problem.code) == (404, "not_found")


def events(text: str) -> list[Event]:
    """What is in the body of a stream."""
    said = [json.loads(line.removeprefix("data:")) for line in text.splitlines() if line.startswith("data:")]
    return [Event(each["stream"], each["seq"], each["kind"], json.dumps(each["data"]).encode()) for each in said]
