"""The request that a run sends to its model's provider."""

from collections.abc import Callable
from dataclasses import replace
from enum import Enum
from typing import Any
from uuid import UUID

import orjson

from runs.errors import ModelForbidden, ModelUnknown, RunError, UpstreamContextTooLong
from runs.models import OWN_PARAMETERS, Model, Run
from runs.states import Trigger
from runs.upstream.context.chat_context import ChatContext, after_refusal, chat_context
from runs.upstream.context.windows import BYTES_PER_TOKEN, bytes_per_token, message_bytes
from runs.upstream.exchange import required_key, url_of
from runs.upstream.images import with_images
from runs.upstream.profiles.lessons import MAX_LESSONS, Lesson, apply, lesson_of
from runs.upstream.profiles.profile import Profile, profile_of
from runs.upstream.profiles.shaping import LIMITS, shape

DEFAULT_PROFILE = Profile()

# Returns the messages and parameters that a program gave for a run; None if it gave none.
ProgramPrompt = Callable[[Run], tuple[list[dict[str, Any]], dict[str, Any]] | None]

_program_prompt: ProgramPrompt | None = None


def register_program_prompt(program_prompt: ProgramPrompt) -> None:
    """Use `program_prompt` for runs that programs start. Call it in an `AppConfig.ready()`."""
    global _program_prompt
    _program_prompt = program_prompt


class MayBeEmpty(Enum):
    """When an answer may have no content."""

    NEVER = "never"
    IF_FINISHED = "if_finished"  # if the server says why it finished
    ALWAYS = "always"  # a model may have nothing to say about the result of a tool


class UpstreamRequest:
    """One request to a provider. `key` is a secret: never logged, never stored.

    The payload is serialized here, in the task, and not in the event loop that all runs share. It is kept only until an
    answer begins: it may take megabytes, and an answer hours.
    """

    def __init__(
        self,
        url: str,
        payload: dict[str, Any],
        key: str | None = None,
        profile: Profile = DEFAULT_PROFILE,
        *,
        model_id: int | None = None,
        ratio: float = BYTES_PER_TOKEN,
        run_id: UUID | None = None,
        context: ChatContext | None = None,
        may_be_empty: MayBeEmpty = MayBeEmpty.NEVER,
    ) -> None:
        """`model_id`: of the Model that learns from refusals. `ratio`: bytes of text for a token, as far as known.

        `context`: of a chat, whose middle may be left out. `may_be_empty`: whether an answer without content is one;
        for people it is a failure, for programs it is not.
        """
        self.url, self.key, self.model = url, key, str(payload.get("model", ""))
        self.profile, self.model_id, self.ratio = profile, model_id, ratio
        self.run_id, self.context, self.may_be_empty = run_id, context, may_be_empty
        self.prompt_tokens: int | None = None  # as the server has counted, once it has answered
        self.images: list[str] = []  # of the answer, once it has ended: data URIs or base64
        self.has_only_images = False  # the answer: there is nothing else in it
        self.lessons: list[Lesson] = []  # from refusals of this request
        self._set_payload(payload)

    @property
    def payload(self) -> dict[str, Any]:
        payload: dict[str, Any] = orjson.loads(self.body)
        return payload

    def adapt(self, error: RunError) -> bool:
        """Change the payload as the server's refusal demands; whether it is to be sent again."""
        if not self.body or len(self.lessons) >= MAX_LESSONS:
            return False
        if isinstance(error, UpstreamContextTooLong):
            return self._trim_again(error)
        payload = self.payload
        lesson = lesson_of(error, payload, self.profile)
        if lesson is None or any(lesson.layer == earlier.layer for earlier in self.lessons):
            return False
        self.lessons.append(lesson)
        self.profile = apply(lesson, self.profile)
        self._set_payload(shape(self.profile, payload))
        return True

    def _trim_again(self, error: UpstreamContextTooLong) -> bool:
        """Leave out more of a chat, once."""
        if self.context is None or self.context.is_trimmed_again:
            return False
        payload = self.payload
        refused = after_refusal(self.context, payload, error)
        if refused is None:
            return False
        self.context, changes, lesson = refused
        self.lessons.append(lesson)
        self._set_payload(payload | changes)
        return True

    def _set_payload(self, payload: dict[str, Any]) -> None:
        self.body: bytes = orjson.dumps(payload)
        self.text_bytes = sum(map(message_bytes, payload.get("messages", [])))

    def drop_body(self) -> None:
        """Free the memory: the request will not be sent again."""
        self.body = b""


def build_request(run: Run) -> UpstreamRequest:
    """Build the request of `run` from its session's settings, its model and the messages that lead to it.

    A program's run, whose session is not listed, may have messages of its own; then those are sent instead.
    Raises ModelUnknown, ModelForbidden, ProviderKeyMissing, ProviderKeyForbidden, ContextTooLong.
    """
    model, session = usable_model(run), run.session
    is_program = run.trigger == Trigger.API and not session.is_listed
    if is_program and _program_prompt is not None and (prompt := _program_prompt(run)):
        messages, parameters = prompt
        messages, may_be_empty = with_images(messages, session.owner_id), _may_be_empty(messages)
        return _request(model, messages, "", parameters, may_be_empty=may_be_empty)
    chosen = {"temperature": session.temperature, "max_tokens": session.max_tokens}
    parameters = {name: value for name, value in chosen.items() if value is not None}
    if session.reasoning_effort and model.has_reasoning:
        parameters["reasoning_effort"] = session.reasoning_effort
    context = chat_context(run)
    if context.left_out:  # for readers, and for staff
        Run.objects.filter(pk=run.pk).update(left_out=context.left_out)
    if context.window is not None and session.max_tokens:
        parameters["max_tokens"] = min(session.max_tokens, context.window.answer_tokens)
    messages = with_images(context.messages, session.owner_id)
    options = run.options or {}
    chosen = options.get("parameters", {})
    if chosen.keys() & set(LIMITS):
        parameters.pop("max_tokens", None)
    system_prompt = options.get("instructions") or session.system_prompt
    return _request(
        model,
        messages,
        system_prompt,
        parameters | chosen,
        run_id=run.pk,
        context=replace(context, messages=[]),  # the body has them
        may_be_empty=MayBeEmpty.NEVER if run.options is None else _may_be_empty(context.messages),
    )


def usable_model(run: Run) -> Model:
    """The model of `run`, if the owner of the session may use it now: it may have been taken away since (B54).

    Raises ModelUnknown, ModelForbidden.
    """
    if run.model is None or not run.model.enabled:
        raise ModelUnknown
    if not Model.objects.usable_by(run.session.owner).filter(pk=run.model_id).exists():
        raise ModelForbidden
    return run.model


def _may_be_empty(messages: list[dict[str, Any]]) -> MayBeEmpty:
    """For a program."""
    ends_with_result = bool(messages) and messages[-1]["role"] == "tool"
    return MayBeEmpty.ALWAYS if ends_with_result else MayBeEmpty.IF_FINISHED


def prepare_request(
    model: Model, messages: list[dict[str, Any]], system_prompt: str = "", **parameters: object
) -> UpstreamRequest:
    """Build a request to a model's provider. The arguments take precedence over the model's defaults.

    No system prompt is added to messages that hold a system message. Raises ModelUnknown, ProviderKeyMissing,
    ProviderKeyForbidden.
    """
    return _request(model, messages, system_prompt, parameters)


def _request(
    model: Model,
    messages: list[dict[str, Any]],
    system_prompt: str,
    parameters: dict[str, Any],
    *,
    run_id: UUID | None = None,
    context: ChatContext | None = None,
    may_be_empty: MayBeEmpty = MayBeEmpty.NEVER,
) -> UpstreamRequest:
    """As `prepare_request`, for a run or for none."""
    if not model.enabled:
        raise ModelUnknown
    key = required_key(model.provider)
    has_system = any(message["role"] == "system" for message in messages)
    if not has_system and (system_prompt := system_prompt or model.system_prompt):
        messages = [{"role": "system", "content": system_prompt}, *messages]
    own = OWN_PARAMETERS | (set(LIMITS) if parameters.keys() & set(LIMITS) else set())
    defaults = {name: value for name, value in model.parameters.items() if name not in own}
    payload = {
        **defaults,
        **parameters,
        "model": model.upstream_id,
        "messages": messages,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    profile = profile_of(model)
    return UpstreamRequest(
        url_of(model.provider, "/chat/completions"),
        shape(profile, payload),
        key,
        profile,
        model_id=model.pk,
        ratio=bytes_per_token(model),
        run_id=run_id,
        context=context,
        may_be_empty=may_be_empty,
    )
