"""How many tokens the input of a response would have: an estimate, since only the model's server could count them."""

import orjson
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest, HttpResponseBase, JsonResponse

from chatapp.openai.body_fields import Fields, parse_body
from chatapp.openai.input_items import to_messages
from chatapp.openai.model_names import find_model
from chatapp.openai.parsed_request import ParsedRequest
from chatapp.openai.previous_responses import find_previous, path_to_root
from chatapp.openai.response_requests import parse_response_request
from chatapp.openai.views.endpoint import Client, endpoint, with_database
from runs.errors import ModelMissing
from runs.models import Model
from runs.upstream.context.windows import bytes_per_token, estimated_tokens


async def _estimate(request: HttpRequest, client: Client) -> HttpResponseBase:
    body = parse_body(request)
    parsed = parse_response_request(body)
    client.ignored = parsed.ignored
    count = await _tokens_of(client.user, parsed, Fields(body).optional("previous_response_id", str))
    return JsonResponse({"object": "response.input_tokens", "input_tokens": count})


@with_database
def _tokens_of(user: AbstractBaseUser, parsed: ParsedRequest, previous_id: str | None) -> int:
    """From the size of the texts, and of the tokens that the model's server has counted so far.

    Raises ModelUnknown, ModelMissing, and as `find_previous`.
    """
    model = find_model(parsed.model, user) if parsed.model else Model.objects.for_chats_of(user).first()
    if model is None:
        raise ModelMissing
    path = path_to_root(find_previous(user.pk, previous_id).pk) if previous_id else None
    messages = to_messages(parsed.input)
    if instructions := parsed.echo.get("instructions"):
        messages = [{"role": "system", "content": instructions}, *messages]
    json_bytes = [len(orjson.dumps(message["tool_calls"])) for message in messages if message.get("tool_calls")]
    if tools := parsed.parameters.get("tools"):
        json_bytes.append(len(orjson.dumps(tools)))
    ratio = bytes_per_token(model)
    return estimated_tokens(messages, ratio) + round((sum(json_bytes) + (path.characters if path else 0)) / ratio)


input_tokens = endpoint(post=_estimate)
