"""From a run to the request that goes upstream."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from chatapp.chats.models import Message, Role
from runs.errors import ModelUnknown, ProviderKeyMissing
from runs.models import Run

OWN_PARAMETERS = {"model", "messages", "stream", "stream_options"}  # not for a model's defaults to set


@dataclass(frozen=True)
class UpstreamRequest:
    """One request to a provider. `key` is a secret: never logged, never stored."""

    url: str
    payload: dict
    key: str | None = field(default=None, repr=False)


def build(run: Run) -> UpstreamRequest:
    """The request for `run`: its model's settings and the messages that lead to it.

    Raises ModelUnknown, ProviderKeyMissing.
    """
    model = run.model
    if model is None or not model.enabled:
        raise ModelUnknown
    key = model.provider.key
    if key == "":
        raise ProviderKeyMissing(f"The environment variable {model.provider.key_env} is not set.")
    parameters = {name: value for name, value in model.parameters.items() if name not in OWN_PARAMETERS}
    payload = {
        **parameters,
        "model": model.upstream_id,
        "messages": list(_messages(run)),
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    return UpstreamRequest(model.provider.base_url.rstrip("/") + "/chat/completions", payload, key)


def _messages(run: Run) -> Iterator[dict[str, str]]:
    if run.model.system_prompt:
        yield {"role": "system", "content": run.model.system_prompt}
    for message in _path(run.message):
        if message.content:  # an answer that failed before its first word says nothing
            yield {"role": Role(message.role).value, "content": message.content}


def _path(answer: Message) -> list[Message]:
    """The messages from the root of the tree down to the one that is answered."""
    messages = Message.objects.filter(session_id=answer.session_id).only("id", "parent_id", "role", "content")
    by_id = {message.id: message for message in messages}
    path, parent_id = [], answer.parent_id
    while parent_id is not None:
        path.append(by_id[parent_id])
        parent_id = by_id[parent_id].parent_id
    return path[::-1]
