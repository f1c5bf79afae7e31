"""A furnished house: sessions in every state, for those who look at all pages."""

from contextlib import contextmanager
from datetime import timedelta

from django.utils import timezone

from chatapp.chats.attachments import attach
from chatapp.chats.models import Attachment, Message, MessageState, Role, Session
from runs.models import Model, Run
from runs.rendering.markdown import render
from runs.states import LostReason, Status, StopReason
from tests.harness.check import wait_for_end

TITLES = [
    "A packing list for four days of rain",
    "Explain optimistic locking to a cook",
    "Three names for a bakery next to a library",
    "Why the sea is salty and lakes are not",
]
RICH = r"""The area of a circle is $A = \pi r^2$; so with **r = 2**:

$$
A = \pi \cdot 2^2 \approx 12.57
$$

```python
from math import pi

def area(radius: float) -> float:
    return pi * radius**2  # in square metres
```

| radius | area |
|---:|---:|
| 1 m | 3.14 m² |
| 2 m | 12.57 m² |

- [x] formula
- [x] code
- [ ] a drawing

> “Do not disturb my circles.” — [Archimedes](https://example.org/archimedes)
"""
LONG_FILE = "\n".join(f"2026-11-{day:02} {day * 3} mm of rain" for day in range(1, 15))


class House:
    """What `person` finds in a stack: the paths of sessions by name."""

    def __init__(self, person) -> None:
        self.owner = person.user
        self.model = Model.objects.get(is_default=True)
        for title in TITLES:
            self.say(self.session(title), "A question", "An answer.")
        self.rich = self._rich()
        self.states = self._states()

    def session(self, title: str) -> Session:
        return Session.objects.create(owner=self.owner, title=title, model=self.model.name)

    def say(self, session: Session, question: str, answer: str, **run: object) -> Message:
        """A question and its answer at the end of a session; keywords are the run's."""
        asked = Message.objects.create(session=session, parent=session.tip, role=Role.USER, content=question)
        return self.answer(asked, answer, **run)

    def answer(self, asked: Message, text: str, **run: object) -> Message:
        state, now = run.pop("state", MessageState.COMPLETE), timezone.now()
        fields = {name: run.pop(name) for name in ("reasoning", "tools") if name in run}
        said = Message.objects.create(
            session=asked.session,
            parent=asked,
            role=Role.ASSISTANT,
            content=text,
            html=render(text),
            state=state,
            **fields,
        )
        times = {
            "started_at": now - timedelta(seconds=6),
            "first_token_at": now - timedelta(seconds=5.4),
            "finished_at": now,
        }
        Run.objects.create(
            session=asked.session,
            message=said,
            **{
                "model": self.model,
                "status": Status.COMPLETED,
                "finish_reason": "stop",
                "completion_tokens": 231,
                **times,
                **run,
            },
        )
        asked.session.tip = said
        asked.session.save(update_fields=["tip"])
        return said

    def _rich(self) -> str:
        session = self.session("The area of a circle")
        self.say(session, "Which day was the wettest?", "The 14th: 42 mm of rain.")
        file = Attachment(name="rain.txt", media_type="text/plain", size=len(LONG_FILE), text=LONG_FILE)
        attach(session.tip.parent, [file])
        tools = [{"index": 0, "id": "1", "name": "search", "arguments": '{"query": "area of a circle"}'}]
        reasoning = "The area grows with the square of the radius."
        self.say(session, "How do I compute the area of a circle?", "With π.")
        first = session.tip
        self.answer(first.parent, RICH, reasoning=reasoning, tools=tools)
        return f"/chats/{session.pk}"

    def _states(self) -> str:
        session = self.session("Answers that did not end well")
        self.say(
            session,
            "Tell me a long story",
            "Once upon a time there was",
            state=MessageState.STOPPED,
            status=Status.STOPPED,
            reason=StopReason.USER,
        )
        self.say(
            session,
            "And a short one?",
            "",
            state=MessageState.FAILED,
            status=Status.FAILED,
            code="upstream_unreachable",
            error="The model server could not be reached.",
            completion_tokens=None,
            first_token_at=None,
        )
        self.say(
            session,
            "A poem, then",
            "Roses are red,\nviolets are",
            state=MessageState.LOST,
            status=Status.LOST,
            reason=LostReason.RESTART,
        )
        return f"/chats/{session.pk}"


def long_session(house: House, messages: int, text: str) -> str:
    """A session of so many messages, whose answers say `text`."""
    session = house.session("A long session")
    for number in range(messages // 2):
        house.say(session, f"Question {number}", f"{text}\n\nThis was answer {number}.")
    return f"/chats/{session.pk}"


def answering(stack, person, question: str, **script: object) -> str:
    """A session whose answer is being written, with two messages that wait behind it."""
    model = Model.objects.get(is_default=True)
    speaks = stack.upstream.register(**script)
    Model.objects.filter(pk=model.pk).update(upstream_id=speaks)
    run = person.send(question)
    session = str(run.session_id)
    for text in ("And what about rectangles?", "Then a triangle, please"):
        person.send(text, session)
    stack.upstream.wait(script["tag"], f"tokens:{script['hold'][0]}")
    Model.objects.filter(pk=model.pk).update(upstream_id=model.upstream_id)
    return f"/chats/{session}"


def finish(stack, person, tag: str) -> None:
    """Let what is being written end."""
    for run in Run.objects.visible_to(person.user).active().order_by("-id"):
        person.stop(run)
    for run in Run.objects.visible_to(person.user):
        wait_for_end(run)


@contextmanager
def speaking(stack, tag: str, **script: object):
    """A model of its own that says what `script` has, which may be longer than any message."""
    provider = Model.objects.get(is_default=True).provider
    speaks = stack.upstream.register(tag=tag, **script)
    model = Model.objects.create(name=tag, label="Itself", provider=provider, upstream_id=speaks)
    try:
        yield model.name
    finally:
        model.delete()
