"""From a run to the request that goes upstream."""

from collections.abc import Callable
from typing import Any

import orjson
from django.conf import settings

from chatapp.chats.attachments import whole_of
from chatapp.chats.context import context_of
from chatapp.chats.models import Message, Role
from runs.errors import ModelUnknown, ProviderKeyMissing
from runs.models import Model, Run
from runs.states import Trigger

OWN_PARAMETERS = {"model", "messages", "stream", "stream_options"}  # not for a model's defaults to set

GO_ON = "Continue your answer exactly where it stopped. Do not repeat anything."

# From a run to the messages and parameters that a program gave for it; None: it gave none.
ProgramPrompt = Callable[[Run], tuple[list[dict[str, Any]], dict[str, Any]] | None]

_program_prompt: ProgramPrompt | None = None


def register_program_prompt(program_prompt: ProgramPrompt) -> None:
    """Have `program_prompt` asked about runs that programs started. For an `AppConfig.ready()`."""
    global _program_prompt
    _program_prompt = program_prompt


class UpstreamRequest:
    """One request to a provider. `key` is a secret: never logged, never stored.

    The payload is kept in the form in which it is sent, and only until an answer begins: it may be megabytes, and an
    answer takes hours. So it is also serialized where it is made, and not in the loop that all answers share.
    """

    def __init__(self, url: str, payload: dict, key: str | None = None) -> None:
        self.url, self.key, self.model = url, key, str(payload.get("model", ""))
        self.body: bytes = orjson.dumps(payload)

    @property
    def payload(self) -> dict:
        return orjson.loads(self.body)

    def let_go(self) -> None:
        """Nothing will send it any more."""
        self.body = b""


def build_request(run: Run) -> UpstreamRequest:
    """The request for `run`: the settings of its session and its model, and the messages that lead to it.

    A program's run, whose session is in no list, may have messages of its own: then those are sent.
    Raises ModelUnknown, ProviderKeyMissing, ProviderKeyForbidden, ContextTooLong.
    """
    session = run.session
    is_program = run.trigger == Trigger.API and not session.is_listed
    if is_program and _program_prompt is not None and (prompt := _program_prompt(run)):
        messages, parameters = prompt
        return prepare_request(run.model, messages, **parameters)
    chosen = {"temperature": session.temperature, "max_tokens": session.max_tokens}
    parameters = {name: value for name, value in chosen.items() if value is not None}
    return prepare_request(run.model, _messages(run), session.system_prompt, **parameters)


def prepare_request(
    model: Model | None, messages: list[dict], system_prompt: str = "", **parameters: object
) -> UpstreamRequest:
    """A request to a model's provider; the other arguments go before what it sets. Raises as `build`.

    Messages that bring their own system message need no other one.
    """
    if model is None or not model.enabled:
        raise ModelUnknown
    key = model.provider.key
    if key == "":
        raise ProviderKeyMissing(f"The environment variable {model.provider.key_env} is not set.")
    has_own = any(message["role"] == "system" for message in messages)
    if not has_own and (system_prompt := system_prompt or model.system_prompt):
        messages = [{"role": "system", "content": system_prompt}, *messages]
    defaults = {name: value for name, value in model.parameters.items() if name not in OWN_PARAMETERS}
    payload = {
        **defaults,
        **parameters,
        "model": model.upstream_id,
        "messages": messages,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    return UpstreamRequest(model.provider.base_url.rstrip("/") + "/chat/completions", payload, key)


def _messages(run: Run) -> list[dict[str, str]]:
    """What was said before, as much as fits. The run's row tells staff how many messages were left out.

    Of a long answer that goes on its end is sent, where that starts: at most half of all that may be sent, so that the
    question and what led to it have a place, too. What is cut counts as a message that was left out.
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
        if (content := whole_of(message))  # an answer that failed before its first word says nothing
    ]
    if written:
        messages += [{"role": "assistant", "content": written}, {"role": "user", "content": GO_ON}]
    return messages
