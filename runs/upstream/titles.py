"""Session titles, written by the session's model after the first completed exchange."""

from uuid import UUID

from chatapp.chats.models import Session
from chatapp.chats.plain_text import excerpt_of
from chatapp.chats.titles import opening_of
from runs.models import Run
from runs.session_feed import session_changed
from runs.upstream.request import UpstreamRequest, prepare_request

TIMEOUT_SECONDS = 30.0  # s a title may take
MAX_CHARACTERS = 80  # of a title, as Session.title
EXCERPT_CHARACTERS = 1_000  # of the question and of the answer
TITLE_PROMPT = "Give this conversation a title of at most six words. Answer with the title only."


def run_to_title(run_id: UUID) -> Run | None:
    """The run with the rows that a title needs, if its session still exists and has no title."""
    runs = Run.objects.select_related("model__provider", "session", "message__parent")
    return runs.filter(pk=run_id, session__title="").first()


def build_title_request(run: Run) -> UpstreamRequest:
    """Raises ModelUnknown, ProviderKeyMissing, ProviderKeyForbidden."""
    parent = run.message.parent
    question, answer = opening_of(parent) if parent else "", run.message.content
    messages = [
        {"role": "user", "content": question[:EXCERPT_CHARACTERS]},
        {"role": "assistant", "content": answer[:EXCERPT_CHARACTERS]},
        {"role": "user", "content": TITLE_PROMPT},
    ]
    return prepare_request(run.model, messages, max_tokens=30)


def save_title(session_id: UUID, text: str) -> bool:
    """Save the model's text as a title, and return true; a title that a user chose always wins (B14)."""
    title = clean_title(text)
    is_saved = bool(title) and bool(Session.objects.filter(pk=session_id, title="").update(title=title))
    if is_saved:
        session_changed(session_id)
    return is_saved


def clean_title(text: str) -> str:
    """The first line that is not blank, without Markdown and without the quotes that models put around a title."""
    line = next((line for line in text.splitlines() if line.strip()), "")
    line = excerpt_of(line).removeprefix("Title:").strip("\"'*#`.“”„« »")
    return line if len(line) <= MAX_CHARACTERS else line[: MAX_CHARACTERS - 1].rstrip() + "…"
