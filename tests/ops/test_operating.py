"""The commands of whoever runs the site: doctor, stop_runs, reap_runs, prune, replay, demo_data."""

import io
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from chatapp.chats.models import Session
from chatapp.ops import local_model
from runs import actions
from runs.lifecycle import reaper, transitions
from runs.models import Model, Provider, Report, Run, Worker
from streams.events import Kind
from streams.log import store
from streams.models import LoggedEvent
from tests.harness.facts import wait_until

pytestmark = pytest.mark.one_database


def manage(*words, fails=False):
    out, err = io.StringIO(), io.StringIO()
    if fails:
        with pytest.raises(SystemExit):
            call_command(*words, stdout=out, stderr=err)
    else:
        call_command(*words, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


@pytest.fixture
def model(db):
    provider = Provider.objects.create(name="local", base_url="http://127.0.0.1:1/v1")
    return Model.objects.create(name="m", label="M", provider=provider, upstream_id="m", is_default=True)


@pytest.fixture
def send(alice, bob, model):
    people = {"alice": alice, "bob": bob}

    def send(who="alice"):
        run = actions.send(Session.objects.create(owner=people[who]), "Hello", user=people[who])
        Run.objects.filter(pk=run.pk).update(task_id=uuid4())
        return run

    return send


def state_of(*runs):
    return [Run.objects.get(pk=run.pk).status for run in runs]


# -- doctor ---------------------------------------------------------------------------------------


def test_doctor_says_what_is_wrong_and_what_to_do(model):
    said, _ = manage("doctor", fails=True)
    for line in ("OK     settings", "OK     database", "OK     migrations", "OK     models"):
        assert line in said
    assert "WRONG  redis: no answer" in said and "→ Check REDIS_URL" in said
    assert "WRONG  workers: no worker serves generation, " in said and "celery -A chatapp worker" in said
    assert "WRONG  provider local" in said


def test_doctor_misses_a_model_and_a_key(db, monkeypatch):
    assert "WRONG  models: no model is enabled" in manage("doctor", fails=True)[0]
    monkeypatch.delenv("PROVIDER_KEY_MISSING", raising=False)
    provider = Provider.objects.create(name="p", base_url="http://127.0.0.1:1/v1", key_env="PROVIDER_KEY_MISSING")
    Model.objects.create(name="m", label="M", provider=provider, upstream_id="m")
    assert "provider p: PROVIDER_KEY_MISSING is not set here" in manage("doctor", "--offline", fails=True)[0]
    # The demo model's key is made by `make run`, for the processes that it starts
    monkeypatch.delenv(local_model.KEY_ENV, raising=False)
    Provider.objects.update(name=Provider.DEMO, key_env=local_model.KEY_ENV)
    assert "OK     provider local\n" in manage("doctor", "--offline", fails=True)[0]


def test_doctor_asks_for_a_rotation_until_it_is_done(model, settings):
    model.provider.store_key("sk-wren")
    model.provider.save()
    hint = "WRONG  key of local: it is encrypted with an earlier SECRET_KEY"
    assert hint not in manage("doctor", "--offline", fails=True)[0]
    before, settings.SECRET_KEY = settings.SECRET_KEY, "another" * 8
    without_it, _ = manage("doctor", "--offline", fails=True)
    assert "WRONG  provider local: The stored key cannot be read" in without_it and hint not in without_it
    settings.SECRET_KEY_FALLBACKS = [before]
    said, _ = manage("doctor", "--offline", fails=True)
    assert hint in said and "rotate_keys; then the earlier SECRET_KEY can go from SECRET_KEY_FALLBACKS" in said
    assert manage("rotate_keys")[0] == "1 key encrypted with the present SECRET_KEY.\n"
    settings.SECRET_KEY_FALLBACKS = []
    said, _ = manage("doctor", "--offline", fails=True)
    assert "WRONG  provider local" not in said and hint not in said and "sk-wren" not in said


def test_doctor_is_content_with_a_whole_site(make_stack):
    stack = make_stack()  # of its own: others leave providers behind that nobody can reach
    stack.person("alice")
    wait_until(lambda: Report.objects.filter(pk="upkeep").exists(), "beat has asked for upkeep")
    done = stack.manage("doctor", check=False)
    assert (done.returncode, "WRONG" in done.stdout) == (0, False), done.stdout


# -- stop_runs, reap_runs, prune ------------------------------------------------------------------


def test_runs_are_stopped_by_name_by_user_or_all(send, charlie):
    first, second, bobs, other = send(), send(), send("bob"), send("bob")
    assert manage("stop_runs", str(first.pk), "--by", "charlie")[0] == "1 stopped\n"
    assert Run.objects.get(pk=first.pk).stop_requested_by == charlie
    assert manage("stop_runs", str(first.pk))[0] == "1 already_final\n"
    manage("stop_runs", "--user", "alice")
    assert state_of(second, bobs) == ["stopped", "queued"]
    Run.objects.filter(pk=bobs.pk).update(queued_at=timezone.now() - timedelta(hours=1))
    manage("stop_runs", "--all", "--older-than", "600")
    assert state_of(bobs, other) == ["stopped", "queued"]
    manage("stop_runs", "--all")
    assert state_of(other) == ["stopped"]
    assert manage("stop_runs", "--all")[0] == "nothing to stop\n"


@pytest.mark.parametrize("words", [[], ["--older-than", "5"], ["not-an-id"], [str(uuid4())], ["--all", str(uuid4())]])
def test_a_stop_of_what_is_not_named_is_refused(send, words):
    run = send()
    with pytest.raises(CommandError):
        manage("stop_runs", *words)
    assert state_of(run) == ["queued"]


def test_reap_runs_ends_what_a_dead_worker_left(send):
    run = send()
    worker = Worker.objects.create(name="w", pid=1, pool="gevent", lease_until=timezone.now() - timedelta(seconds=1))
    transitions.claim(run.pk, Run.objects.get(pk=run.pk).task_id, worker)
    assert manage("reap_runs")[0].startswith("ended 1, failed 0")
    assert state_of(run) == ["lost"]


def test_prune_lets_go_of_what_is_due(send, settings):
    run = send()
    worker = Worker.objects.create(name="w", pid=1, pool="gevent", lease_until=reaper.lease_end())
    transitions.claim(run.pk, Run.objects.get(pk=run.pk).task_id, worker)
    store.append(run.pk, *[(Kind.TEXT, {"text": "w "})] * 5)
    transitions.complete(run.pk, "stop")
    orphan = uuid4()
    store.append(orphan, (Kind.QUEUED, {}))
    LoggedEvent.objects.update(at=timezone.now() - timedelta(days=40))
    Worker.objects.update(lease_until=timezone.now() - timedelta(days=40))
    Run.objects.update(finished_at=timezone.now() - timedelta(days=40))
    said, _ = manage("prune")
    assert "compacted 1 streams" in said and "deleted 1 workers" in said
    assert not LoggedEvent.objects.filter(stream=orphan).exists()
    assert LoggedEvent.objects.filter(stream=run.pk, kind=Kind.SNAPSHOT).count() == 1


# -- replay, demo_data ----------------------------------------------------------------------------


def test_replay_tells_a_stream_as_it_was_seen(send):
    run = send()
    store.append(run.pk, (Kind.STARTED, {}), (Kind.TEXT, {"text": "Good "}), (Kind.TEXT, {"text": "morning"}))
    out, err = manage("replay", str(run.pk), "--at-once")
    assert out == "Good morning\n"
    assert "run.queued" in err and "run.started" in err
    lines = manage("replay", str(run.pk), "--events", "--at-once")[0].splitlines()
    assert [line.split()[1:3] for line in lines][2:] == [["3", "text.delta"], ["4", "text.delta"]]


def test_replay_keeps_the_pauses(send, monkeypatch):
    run = send()
    store.append(run.pk, (Kind.TEXT, {"text": "Good "}))
    begin = timezone.now()
    for seq, seconds in ((1, 0), (2, 600)):
        LoggedEvent.objects.filter(stream=run.pk, seq=seq).update(at=begin + timedelta(seconds=seconds))
    pauses = []
    monkeypatch.setattr("chatapp.ops.management.commands.replay.time.sleep", pauses.append)
    manage("replay", str(run.pk), "--speed", "2")
    assert 290 < pauses[1] <= 300


@pytest.mark.parametrize("words", [["no-id"], [str(uuid4())]])
def test_what_is_no_run_can_not_be_replayed(db, words):
    with pytest.raises(CommandError):
        manage("replay", *words)


def test_demo_data_is_of_the_same_kind_as_real_data(charlie):
    manage("demo_data", "--sessions", "25")
    assert Run.objects.count() == Session.objects.filter(owner=charlie).count() == 25
    assert {"completed"} < set(Run.objects.values_list("status", flat=True))
    # It should hold the promise that everything holds.
    manage("heal")
    assert Report.objects.get(pk="heal").data == {"looked_at": 25, "found": 0, "repaired": 0, "open": 0}
