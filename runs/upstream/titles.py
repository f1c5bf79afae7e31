"""Session titles, written by the session's model after the first completed exchange."""

from datetime import timedelta
from uuid import UUID

from django.db.models import F

from chatapp.chats.models import Session
from chatapp.chats.plain_text import excerpt_of
from chatapp.chats.titles import opening_of
from runs import clock
from runs.models import Run
from runs.session_feed import session_changed
from runs.upstream.context.windows import window_of
from runs.upstream.profiles.profile import profile_of
from runs.upstream.request import UpstreamRequest, prepare_request, usable_model

TIMEOUT_SECONDS = 60.0  # s a title may take: the model may think first
MAX_WAIT_SECONDS = 600  # s after an answer's end; later a title is no longer worth a request
MAX_REQUESTS = 2  # of one session, so that a model that gives no title is not asked after each answer
MAX_TOKENS = 2_048  # of a title, with the thinking before it: 30 were used up before the first word
WINDOW_SHARE = 2  # a title gets one of so many parts of a small context window
MAX_CHARACTERS = 80  # of a title, as Session.title
EXCERPT_CHARACTERS = 1_000  # of the question and of the answer
TITLE_PROMPT = "Give this conversation a title of at most six words. Answer with the title only."


def may_request_title(session: Session) -> bool:
    return not session.title and session.title_requests < MAX_REQUESTS


def run_to_title(run_id: UUID) -> Run | None:
    """The run with the rows that a title needs, if its session has no title and may be given one.

    The request is counted before it is sent: each task sends one.
    """
    since = clock.now() - timedelta(seconds=MAX_WAIT_SECONDS)
    sessions = Session.objects.filter(
        runs__pk=run_id, runs__finished_at__gt=since, title="", title_requests__lt=MAX_REQUESTS
    )
    if not sessions.update(title_requests=F("title_requests") + 1):
        return None
    return Run.objects.select_related("model__provider", "session__owner", "message__parent").filter(pk=run_id).first()


def build_title_request(run: Run) -> UpstreamRequest:
    """Raises ModelUnknown, ModelForbidden, ProviderKeyMissing, ProviderKeyForbidden."""
    model, parent = usable_model(run), run.message.parent
    question, answer = opening_of(parent) if parent else "", run.message.content
    messages = [
        {"role": "user", "content": question[:EXCERPT_CHARACTERS]},
        {"role": "assistant", "content": answer[:EXCERPT_CHARACTERS]},
        {"role": "user", "content": TITLE_PROMPT},
    ]
    window = window_of(model)
    limit = MAX_TOKENS if window is None else min(MAX_TOKENS, window // WINDOW_SHARE)
    extra = {**profile_of(model).title_body, "max_tokens": limit}
    return prepare_request(model, messages, **extra)


def save_title(session_id: UUID, text: str) -> bool:
    """Save the model's text as a title, and return true; a title that a user chose always wins (B14)."""
    title = clean_title(text)
    is_saved = bool(title) and bool(Session.objects.filter(pk=session_id, title="").update(title=title))
    if is_saved:
        session_changed(session_id)
    return is_saved


def clean_title(text: str) -> str:
    """The first line that is not blank, without Markdown and without the quotes that models put around a title.

    What the model thought before it is not in `text`: it is read as any answer's reasoning.
    """
    line = next((line for line in text.splitlines() if line.strip()), "")
    line = excerpt_of(line).removeprefix("Title:").strip("\"'*#`.“”„« »")
    return line if len(line) <= MAX_CHARACTERS else line[: MAX_CHARACTERS - 1].rstrip() + "…"
