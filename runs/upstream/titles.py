"""A session's title: asked of the same model, after the first exchange that was completed."""

from uuid import UUID

from chatapp.chats.models import Session
from chatapp.chats.naming import opening_of
from chatapp.chats.plain import plain_words
from runs.models import Run
from runs.session_feed import session_changed
from runs.upstream.request import UpstreamRequest, prepare_request

MAX_SECONDS = 30.0  # s a title may take; it is not worth more
MAX_CHARACTERS = 80  # of a title, as Session.title
EXCERPT_CHARACTERS = 1_000  # of the question and of the answer: enough to name a conversation by
WISH = "Give this conversation a title of at most six words. Answer with the title only."


def untitled(run_id: UUID) -> Run | None:
    """The run, with all that a title needs, if its session is still there and has none."""
    runs = Run.objects.select_related("model__provider", "session", "message__parent")
    return runs.filter(pk=run_id, session__title="").first()


def request(run: Run) -> UpstreamRequest:
    """What to ask upstream. Raises ModelUnknown, ProviderKeyMissing, ProviderKeyForbidden."""
    question, answer = opening_of(run.message.parent), run.message.content
    messages = [
        {"role": "user", "content": question[:EXCERPT_CHARACTERS]},
        {"role": "assistant", "content": answer[:EXCERPT_CHARACTERS]},
        {"role": "user", "content": WISH},
    ]
    return prepare_request(run.model, messages, max_tokens=30)


def keep(session_id: UUID, text: str) -> bool:
    """Make a title of what the model said and keep it, unless there is one: a person's always wins (B14)."""
    title = clean(text)
    is_kept = bool(title) and bool(Session.objects.filter(pk=session_id, title="").update(title=title))
    if is_kept:
        session_changed(session_id)
    return is_kept


def clean(text: str) -> str:
    """The first line with something in it, without Markdown's marks and the quotes that models put around a title."""
    line = next((line for line in text.splitlines() if line.strip()), "")
    line = plain_words(line).removeprefix("Title:").strip("\"'*#`.“”„« »")
    return line if len(line) <= MAX_CHARACTERS else line[: MAX_CHARACTERS - 1].rstrip() + "…"
