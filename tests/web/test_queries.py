"""How many queries sending costs: the reader of a first word waits for those after the message is stored."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chatapp.chats.models import Message
from runs.lifecycle import transitions
from runs.models import Model

SCRIPT = {"headers": {"X-Requested-With": "fetch"}}
ALL, AFTER_STORING = 33, 10  # in a chat
ALL_OF_NEW_CHAT, AFTER_STORING_NEW_CHAT = 40, 9


@pytest.fixture
def another_model(model):
    return Model.objects.create(name="another", label="Another", provider=model.provider, upstream_id="a")


@pytest.fixture
def queries_of(browser):
    """`queries_of(url, fields)`: the SQL of the queries of a POST, without those of savepoints."""

    def queries_of_(url: str, fields: dict[str, str]) -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            assert browser.post(url, fields, **SCRIPT).status_code == 200
        return [each["sql"] for each in captured if "SAVEPOINT" not in each["sql"]]

    return queries_of_


def after_storing(queries: list[str]) -> list[str]:
    """Those after the last one that changes something."""
    writes = [index for index, sql in enumerate(queries) if sql.startswith(("INSERT", "UPDATE"))]
    return queries[writes[-1] + 1 :]


@pytest.mark.usefixtures("another_model")
def test_a_message_costs_few_queries_however_long_the_chat_is(ask, write, queries_of):
    run = write(ask("One"), "Some text")
    transitions.complete(run.id, "stop")
    for _ in range(3):
        run = write(ask("More", run.session), "Some text")
        transitions.complete(run.id, "stop")
    question = Message.objects.filter(role="user").latest("id")
    form = {"text": "Hello", "key": "key", "model": "model", "after": str(question.pk)}
    queries = queries_of(f"/chats/{run.session_id}/messages", form)
    assert len(queries) <= ALL, queries
    assert len(after_storing(queries)) <= AFTER_STORING, after_storing(queries)


@pytest.mark.usefixtures("another_model")
def test_a_new_chat_costs_few_queries(queries_of):
    queries = queries_of("/chats", {"text": "Hello", "key": "key", "model": "model"})
    assert len(queries) <= ALL_OF_NEW_CHAT, queries
    assert len(after_storing(queries)) <= AFTER_STORING_NEW_CHAT, after_storing(queries)
