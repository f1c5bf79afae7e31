"""From a run to the request that goes upstream."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from django.conf import settings
from django.db.models import prefetch_related_objects
from django.utils.module_loading import import_string

from chatapp.chats.attachments import whole_of
from chatapp.chats.models import Message, Role
from runs.errors import ModelUnknown, ProviderKeyMissing
from runs.models import Model, Run
from runs.states import Trigger

OWN_PARAMETERS = {"model", "messages", "stream", "stream_options"}  # not for a model's defaults to set

GO_ON = "Continue your answer exactly where it stopped. Do not repeat anything."


@dataclass(frozen=True)
class UpstreamRequest:
    """One request to a provider. `key` is a secret: never logged, never stored."""

    url: str
    payload: dict
    key: str | None = field(default=None, repr=False)


def build(run: Run) -> UpstreamRequest:
    """The request for `run`: the settings of its session and its model, and the messages that lead to it.

    What a program has asked for in its own words is known to the hook settings.RUNS_ASKED; such a run's session is in
    no list. Raises ModelUnknown, ProviderKeyMissing, ProviderKeyForbidden.
    """
    session = run.session
    is_program = run.trigger == Trigger.API and not session.is_listed
    if is_program and (asked := import_string(settings.RUNS_ASKED)(run)):
        messages, parameters = asked
        return prepare(run.model, messages, **parameters)
    chosen = {"temperature": session.temperature, "max_tokens": session.max_tokens}
    parameters = {name: value for name, value in chosen.items() if value is not None}
    return prepare(run.model, list(_messages(run)), session.system_prompt, **parameters)


def prepare(
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


def _messages(run: Run) -> Iterator[dict[str, str]]:
    path = _path(run.message)
    prefetch_related_objects(path, "attachments")
    for message in path:
        if content := whole_of(message):  # an answer that failed before its first word says nothing
            yield {"role": Role(message.role).value, "content": content}
    if run.is_continuation and run.message.content:
        yield {"role": "assistant", "content": run.message.content}
        yield {"role": "user", "content": GO_ON}


def _path(answer: Message) -> list[Message]:
    """The messages from the root of the tree down to the one that is answered."""
    messages = Message.objects.filter(session_id=answer.session_id).only("id", "parent_id", "role", "content")
    by_id = {message.id: message for message in messages}
    path, parent_id = [], answer.parent_id
    while parent_id is not None:
        path.append(by_id[parent_id])
        parent_id = by_id[parent_id].parent_id
    return path[::-1]
