"""The request that a run sends to its model's provider."""

from collections.abc import Callable
from typing import Any

import orjson
from django.conf import settings

from chatapp.chats.attachments import full_text_of
from chatapp.chats.context import context_of
from chatapp.chats.models import Message, Role
from runs.errors import ModelUnknown, ProviderKeyMissing, RunError
from runs.models import Model, Run
from runs.states import Trigger
from runs.upstream.adapt import MAX_LESSONS, Lesson, apply, lesson_of
from runs.upstream.profiles import Profile, profile_of
from runs.upstream.shaping import shape

RESERVED_PARAMETERS = {"model", "messages", "stream", "stream_options"}  # a model's defaults cannot set these

DEFAULT_PROFILE = Profile()
CONTINUE_PROMPT = "Continue your answer exactly where it stopped. Do not repeat anything."

# Returns the messages and parameters that a program gave for a run; None if it gave none.
ProgramPrompt = Callable[[Run], tuple[list[dict[str, Any]], dict[str, Any]] | None]

_program_prompt: ProgramPrompt | None = None


def register_program_prompt(program_prompt: ProgramPrompt) -> None:
    """Use `program_prompt` for runs that programs start. Call it in an `AppConfig.ready()`."""
    global _program_prompt
    _program_prompt = program_prompt


class UpstreamRequest:
    """One request to a provider. `key` is a secret: never logged, never stored.

    The payload is serialized here, in the task, and not in the event loop that all runs share. It is kept only until an
    answer begins: it may take megabytes, and an answer hours.
    """

    def __init__(
        self, url: str, payload: dict[str, Any], key: str | None = None, profile: Profile = DEFAULT_PROFILE
    ) -> None:
        self.url, self.key, self.model = url, key, str(payload.get("model", ""))
        self.profile = profile
        self.model_id: int | None = None  # of the Model that learns from refusals
        self.lessons: list[Lesson] = []  # from refusals of this request
        self.body: bytes = orjson.dumps(payload)

    @property
    def payload(self) -> dict[str, Any]:
        payload: dict[str, Any] = orjson.loads(self.body)
        return payload

    def adapt(self, error: RunError) -> bool:
        """Change the payload as the server's refusal demands; whether it is to be sent again."""
        if not self.body or len(self.lessons) >= MAX_LESSONS:
            return False
        payload = self.payload
        lesson = lesson_of(error, payload, self.profile)
        if lesson is None or any(lesson.layer == earlier.layer for earlier in self.lessons):
            return False
        self.lessons.append(lesson)
        self.profile = apply(lesson, self.profile)
        self.body = orjson.dumps(shape(self.profile, payload))
        return True

    def drop_body(self) -> None:
        """Free the memory: the request will not be sent again."""
        self.body = b""


def build_request(run: Run) -> UpstreamRequest:
    """Build the request of `run` from its session's settings, its model and the messages that lead to it.

    A program's run, whose session is not listed, may have messages of its own; then those are sent instead.
    Raises ModelUnknown, ProviderKeyMissing, ProviderKeyForbidden, ContextTooLong.
    """
    session = run.session
    is_program = run.trigger == Trigger.API and not session.is_listed
    if is_program and _program_prompt is not None and (prompt := _program_prompt(run)):
        messages, parameters = prompt
        return prepare_request(run.model, messages, **parameters)
    chosen = {"temperature": session.temperature, "max_tokens": session.max_tokens}
    parameters = {name: value for name, value in chosen.items() if value is not None}
    return prepare_request(run.model, _context_messages(run), session.system_prompt, **parameters)


def prepare_request(
    model: Model | None, messages: list[dict[str, Any]], system_prompt: str = "", **parameters: object
) -> UpstreamRequest:
    """Build a request to a model's provider. The arguments take precedence over the model's defaults.

    No system prompt is added to messages that hold a system message. Raises as `build_request`.
    """
    if model is None or not model.enabled:
        raise ModelUnknown
    key = model.provider.key
    if key == "":
        raise ProviderKeyMissing(f"The environment variable {model.provider.key_env} is not set.")
    has_system = any(message["role"] == "system" for message in messages)
    if not has_system and (system_prompt := system_prompt or model.system_prompt):
        messages = [{"role": "system", "content": system_prompt}, *messages]
    defaults = {name: value for name, value in model.parameters.items() if name not in RESERVED_PARAMETERS}
    payload = {
        **defaults,
        **parameters,
        "model": model.upstream_id,
        "messages": messages,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    profile = profile_of(model)
    url = model.provider.base_url.rstrip("/") + "/chat/completions"
    request = UpstreamRequest(url, shape(profile, payload), key, profile)
    request.model_id = model.pk
    return request


def _context_messages(run: Run) -> list[dict[str, str]]:
    """The messages before the answer, as many as fit. Stores on the run, for staff, how many were left out.

    Of an answer that is continued the end is sent, at most half of the characters allowed in all, so that the question
    and what led to it fit in, too. An answer that was cut counts as one message left out.
    """
    answer = run.message.content if run.is_continuation else ""
    written = answer[-max(settings.CONTEXT_MAX_CHARACTERS // 2, 1) :]
    system = run.session.system_prompt or (run.model.system_prompt if run.model else "")
    context = context_of(run.message.parent_id, len(written) + len(system))
    if left_out := context.left_out + (written != answer):
        Run.objects.filter(pk=run.pk).update(left_out=left_out)
    messages_by_id = Message.objects.only("role", "content").prefetch_related("attachments").in_bulk(context.ids)
    path = [messages_by_id[pk] for pk in context.ids if pk in messages_by_id]
    messages = [
        {"role": Role(message.role).value, "content": content}
        for message in path
        if (content := full_text_of(message))  # empty if an answer failed before its first word
    ]
    if written:
        messages += [{"role": "assistant", "content": written}, {"role": "user", "content": CONTINUE_PROMPT}]
    return messages
