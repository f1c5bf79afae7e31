"""`manage.py demo_data`: made-up sessions and runs of the last day, to fill the admin."""

from datetime import timedelta
from random import Random
from uuid import uuid4

from django.core.management.base import BaseCommand
from django.utils import timezone

from chatapp.chats.models import Message, MessageState, Role, Session
from chatapp.ops.management.commands.ask import named, only_superuser
from runs.errors import TimeLimit, UpstreamRateLimited
from runs.lifecycle import transitions
from runs.lifecycle.stop import record_stop_request
from runs.models import Model, Run, Worker
from runs.states import LostReason, StopReason, Trigger
from runs.upstream.servers.catalog import add_provider
from streams.events import Kind
from streams.log import store
from streams.models import LoggedEvent

WORKER = "demo-data"
SENTENCES = [
    ("Why is the sky blue?", "Because air scatters the short waves of the sunlight, which are the blue ones, most."),
    ("What is a wren?", "A small brown bird with a voice that is much larger than itself."),
    ("How far is the moon?", "About 384,000 kilometres: light takes one and a quarter seconds."),
    ("Who invented zip?", "Phil Katz wrote PKZIP in 1989 and published the format."),
]
LEASE = timedelta(minutes=10)  # one transaction, or the site's reaper would end these runs before they are complete
ENDS = ["complete"] * 14 + ["stop", "stop", "fail", "fail", "lose"]


class Command(BaseCommand):
    help = "Add made-up sessions with runs of the last 24 hours in every final state, to try out the admin."

    def add_arguments(self, parser):
        parser.add_argument("--sessions", type=int, default=40)
        parser.add_argument("--user", help="owner of the sessions (default: the only superuser)")

    def handle(self, *, sessions, user, **options):
        owner, chance = named(user) if user else only_superuser(), Random(7)
        [model] = add_provider(WORKER, "http://127.0.0.1:9/v1", None, ["demo-data"])
        Model.objects.filter(pk=model.pk).update(enabled=False)  # there is no server
        long_ago = timezone.now() - timedelta(days=1)
        worker = Worker.objects.create(name=WORKER, pid=0, pool="gevent", lease_until=timezone.now() + LEASE)
        for _ in range(sessions):
            begin = long_ago + timedelta(seconds=chance.uniform(0, 86_000))
            _past_run(owner, model, worker, begin, chance)
        Worker.objects.filter(pk=worker.pk).update(lease_until=timezone.now())
        self.stdout.write(f"Added {sessions} sessions of {owner}. Delete them like any others.")


def _past_run(owner, model: Model, worker: Worker, begin, chance: Random) -> None:
    prompt, answer_text = chance.choice(SENTENCES)
    session = Session.objects.create(owner=owner, title=prompt[:80])
    question = Message.objects.create(session=session, role=Role.USER, content=prompt)
    waiting = {"role": Role.ASSISTANT, "parent": question, "state": MessageState.WAITING}
    run = transitions.enqueue(session, Message.objects.create(session=session, **waiting), model, Trigger.CHAT)
    task_id = uuid4()
    Run.objects.filter(pk=run.pk).update(task_id=task_id, dispatched_at=timezone.now())
    transitions.claim(run.pk, task_id, worker)
    words = answer_text.split(" ")
    store.append(run.pk, *[(Kind.TEXT, {"text": f"{word} "}) for word in words])
    store.append(run.pk, (Kind.USAGE, {"prompt_tokens": 12, "completion_tokens": len(words)}))
    _end(run, owner, chance.choice(ENDS))
    _move_to(run, begin, chance)


def _end(run: Run, owner, how: str) -> None:
    match how:
        case "stop":
            record_stop_request(run, owner, StopReason.USER)
            transitions.stop(run.pk)
        case "fail":
            transitions.fail(run.pk, UpstreamRateLimited() if run.pk.int % 2 else TimeLimit())
        case "lose":
            transitions.lose(run.pk, LostReason.LEASE)
        case _:
            transitions.complete(run.pk, "stop")


def _move_to(run: Run, begin, chance: Random) -> None:
    """Move the run into the past, with pauses between its events like a model's."""
    at = begin
    for event in LoggedEvent.objects.filter(stream=run.pk).order_by("seq"):
        LoggedEvent.objects.filter(stream=run.pk, seq=event.seq).update(at=at)
        at += timedelta(seconds=chance.uniform(0.02, 0.4))
    started, first = begin + timedelta(seconds=0.05), begin + timedelta(seconds=chance.uniform(0.1, 1.5))
    Run.objects.filter(pk=run.pk).update(queued_at=begin, started_at=started, first_token_at=first, finished_at=at)
