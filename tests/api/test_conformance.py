"""schemathesis asks every operation for what it may and may not take: the answers are those of the schema."""

import os

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from schemathesis import GenerationMode

from chatapp.compare.actions import compare
from chatapp.compare.contenders import Contender
from chatapp.schedules.actions import save
from chatapp.schedules.models import Schedule
from tests.api.fuzzing import ask, has_something_to_break, kind_of, operations

MORE = os.environ.get("CONFORMANCE_EXAMPLES")  # by `python -m tests.api`; others each time
EXAMPLES = [1, pytest.param(int(MORE or 10), marks=pytest.mark.long)]  # of each operation and mode


@pytest.fixture
def things(alice, session, model, settings):
    """What addresses name: an answer on its way and one that waits, a comparison, a schedule."""
    settings.USER_MAX_SCHEDULES = 0
    first, second = alice.ask(session, "one"), alice.ask(session, "two")
    comparison = compare(alice.user, "Which tree?", [Contender(model), Contender(model, temperature=1.0)])
    schedule = save(Schedule(owner=alice.user, name="S", prompt="Hi", kind="cron", cron="0 9 * * *", zone="UTC"))
    found = {"sessions": session, "messages": first.message.parent, "runs": second}
    found |= {"compare": comparison, "panes": comparison.panes.first(), "schedules": schedule}
    return {name: str(thing.pk) for name, thing in found.items()}


@pytest.fixture
def application():
    """It leaves the connection open, as Django's own test client has it: the test's transaction is on it."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield get_wsgi_application()
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def told(operation, mode, error: BaseException) -> str:
    reasons = getattr(error, "exceptions", [error])
    return "\n".join([f"-- {operation.label} {mode.value}", *(str(reason)[:700] for reason in reasons)])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("examples", EXAMPLES)
def test_every_answer_is_one_that_the_schema_tells_of(alice, things, model, application, examples):
    """The application itself, without a server: processes add nothing to it here, and cost a minute."""
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", application)
    headers = {"Authorization": f"Bearer {alice.token}"}
    wrong = []
    for operation in operations(schema):
        # One example of a query that does not fit is less than tests/edges sends to each address.
        is_broken = has_something_to_break(operation) and (examples > 1 or bool(operation.body))
        modes = [GenerationMode.POSITIVE] + [GenerationMode.NEGATIVE] * is_broken
        for mode in modes:
            try:
                with transaction.atomic():
                    pk = things.get(kind_of(operation))
                    ask(operation, mode, examples, model.name, pk, derandomize=not MORE, headers=headers)
                    transaction.set_rollback(True)  # so that the next one finds everything as it was
            except BaseException as error:
                wrong.append(told(operation, mode, error))
    assert not wrong, "\n\n".join(wrong)
