"""A chat goes on in a new one that begins with a summary, from the button under what was not sent (B66)."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatapp.chats.models import Message, Role, Session
from runs.models import Model, Provider
from tests.browser.window import expect
from tests.harness.upstream import spoken

pytestmark = pytest.mark.browser


@pytest.fixture
def small_model(alice, upstream) -> Iterator[Model]:
    """A model of 512 tokens. Lists of models show providers where there are several, so it goes in the end."""
    provider = Provider.objects.create(name=alice.user.username, base_url=upstream.base_url)
    name = upstream.register(tokens=3, tag=alice.user.username)
    yield Model.objects.create(
        name=alice.user.username, label="Small", provider=provider, upstream_id=name, context_window=512
    )
    provider.delete()


def a_long_chat(alice, model: Model) -> Session:
    session = Session.objects.create(owner=alice.user, title="Birds", model=model.name)
    for number in range(10):
        for role in (Role.USER, Role.ASSISTANT):
            text = f"{role} {number} " * 12
            session.tip = Message.objects.create(session=session, parent=session.tip, role=role, content=text)
    session.save(update_fields=["tip"])
    return session


@pytest.mark.long  # tests/web/test_long_chats.py posts its form
def test_a_reader_goes_on_in_a_new_chat_with_a_summary(stack, alice, tab, small_model):
    session = a_long_chat(alice, small_model)
    tab.page.goto(f"{stack.url}/chats/{session.pk}")
    tab.send("Why?")
    tab.expect_state("complete")
    expect(tab.answers.last).to_contain_text(re.compile(r"\d+ earlier messages were not sent"))
    _take_pictures(tab.page)
    tab.answers.last.get_by_role("button", name="Start a new chat with a summary").click()
    expect(tab.questions.first).to_contain_text("Summarize our chat so far")
    tab.expect_answer(spoken(3))
    assert Session.objects.get(summary_of=session).tip_id is not None


def _take_pictures(page) -> None:
    """For eyes, where PICTURES names a directory."""
    if "PICTURES" not in os.environ:
        return
    for width in (1280, 768, 375):
        for theme in ("light", "dark"):
            page.set_viewport_size({"width": width, "height": 700})
            page.emulate_media(color_scheme=theme)
            page.screenshot(path=Path(os.environ["PICTURES"], f"long-{width}-{theme}.png"))
