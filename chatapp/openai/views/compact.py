"""Compact a conversation: the summary is written by an attached run, which ends with the client (B42)."""

from django.http import HttpRequest, HttpResponseBase, JsonResponse

from chatapp.openai.body_fields import parse_body
from chatapp.openai.chat_events import ChatCompletionFold
from chatapp.openai.compactions import compaction_object, parse_compaction, prepare_compaction
from chatapp.openai.errors import RunFailed, SummaryIncomplete
from chatapp.openai.item_references import has_references, resolve_references
from chatapp.openai.response_events import usage_of
from chatapp.openai.run_requests import start_run_async
from chatapp.openai.views.chat import fold_to_end
from chatapp.openai.views.endpoint import Client, endpoint, with_database
from runs.errors import EmptyAnswer


async def _compact(request: HttpRequest, client: Client) -> HttpResponseBase:
    body = parse_body(request)
    if has_references(body):
        body = await _with_items(client.user.pk, body)
    asked = parse_compaction(body)
    client.ignored = asked.ignored
    parsed, images, kept = await _prepared(client.user, asked)
    exchange = await start_run_async(client.user, parsed, held=images)
    fold = ChatCompletionFold(exchange)
    await fold_to_end(client, exchange, fold)
    [choice] = fold.whole()["choices"]
    if choice["finish_reason"] == "length":
        raise SummaryIncomplete("The model reached its limit before the summary was complete.")
    if not (summary := choice["message"]["content"]):
        raise RunFailed(EmptyAnswer.code, EmptyAnswer().message, True)
    usage = usage_of(fold.counts) if fold.counts else None
    return JsonResponse(compaction_object(exchange, kept, summary, usage, client.user.pk))


_prepared, _with_items = with_database(prepare_compaction), with_database(resolve_references)

compact = endpoint(post=_compact, starts_runs=True)
