"""Start the run of an API request, and build its upstream request."""

import asyncio
from collections.abc import Sequence
from hashlib import sha256
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from chatapp.chats import storage_usage
from chatapp.chats.models import Attachment, Session
from chatapp.openai.chat_requests import last_text
from chatapp.openai.content_parts import store_parts, upstream_content
from chatapp.openai.conversation_items import take_pending
from chatapp.openai.conversations import (
    add_exchanges,
    continuation,
    find_conversation,
    images_in,
    prompt_of_question,
)
from chatapp.openai.errors import RunFailed, UnsupportedParameter
from chatapp.openai.input_items import items_of, to_messages
from chatapp.openai.model_names import name_of
from chatapp.openai.models import Exchange, Kind
from chatapp.openai.parsed_request import ParsedRequest
from chatapp.openai.previous_responses import path_to_root, upstream_messages
from chatapp.openai.summaries import check_summaries
from runs.actions import answer_again, choose_model, earlier_run, send
from runs.errors import ContextTooLong, SessionBusy
from runs.lifecycle import attached
from runs.lifecycle.start import lock_session
from runs.models import Model, Run
from runs.options import Options
from runs.states import Status, Trigger, WhenBusy
from runs.upstream.profiles.profile import profile_of
from streams.access import in_request_thread
from streams.delivery.hub import in_reader_thread

TITLE = "By a program"  # title of its unlisted session; a session with a title needs no title run
_abandoned: set[asyncio.Future] = set()


def start_run(
    user: AbstractBaseUser, parsed: ParsedRequest, chain: UUID | None = None, held: Sequence[Attachment] = ()
) -> Exchange:
    """Store the request and start its run. Only a background run outlives its client (B42).

    `held`: images that its messages refer to already.

    Raises the errors of `runs.actions.send`, ContextTooLong, UnsupportedParameter, and RunFailed if the run could not
    be enqueued.
    """
    if parsed.conversation is not None:
        return start_run_in_chat(user, parsed)
    check_summaries(user, parsed.input)
    images = [*held, *store_parts(user, parsed.input)]
    characters = parsed.characters
    _check_context(parsed, characters)
    with transaction.atomic():
        session = Session.objects.create(owner=user, title=TITLE, is_listed=False)
        run = send(
            session,
            parsed.text or last_text(parsed.input),  # that of a file, if there is nothing else
            files=images,
            user=user,
            model=name_of(parsed.model, user),
            trigger=Trigger.API,
            is_attached=not parsed.is_background,
            is_program=True,
        )
        values = {"characters": characters, "previous": parsed.previous}
        exchange = _store(run, parsed, _accepted(run.model, parsed), chain=chain or run.pk, **values)
        storage_usage.add(user.pk, characters)
    return _started(exchange)


def start_run_in_chat(user: AbstractBaseUser, parsed: ParsedRequest) -> Exchange:
    """`start_run` in a chat of the user's, as its next exchange (B80).

    Raises ConversationNotFound and ConversationMismatch, too, and SessionBusy while an answer is being written.
    """
    parameter = parsed.conversation
    assert parameter is not None
    find_conversation(user, parameter)  # before anything is stored
    check_summaries(user, parsed.input)
    images = {image.file_id: image for image in store_parts(user, parsed.input)}
    _check_context(parsed, parsed.characters)
    with transaction.atomic():
        session = find_conversation(user, parameter)
        lock_session(session.pk)
        session.refresh_from_db()
        key = sha256(f"v1:{parsed.key}".encode()).hexdigest() if parsed.key else ""
        if key and (earlier := earlier_run(session, key, parsed.fingerprint)):
            kept = Exchange.objects.select_related("run__session").filter(run=earlier).first()
            return kept or _store(earlier, parsed, {}, chain=earlier.pk)  # they are kept for a time only
        if running := session.runs.under_way().first():
            raise SessionBusy(running.pk)
        messages = _chat_messages(parsed.input) if parsed.kind == Kind.CHAT else to_messages(parsed.input)
        new = continuation(session, messages, parameter, take_pending(session))
        parsed.input = parsed.input[new.first :] if parsed.kind == Kind.CHAT else items_of(parsed.input, new.first)
        model = choose_model(name_of(parsed.model, user) or session.model, user)
        parameters = _accepted(model, parsed)
        instructions = "\n\n".join(filter(None, [parsed.echo.get("instructions"), new.instructions]))
        options = Options(parameters=parameters, instructions=instructions)
        values = {"user": user, "model": model.name, "trigger": Trigger.API, "options": options, "is_program": True}
        if new.question:
            add_exchanges(session, new.earlier, new.names, images)
            prompt = {"prompt": prompt_of_question(new.question)}
            once = {"key": key, "fingerprint": parsed.fingerprint, "when_busy": WhenBusy.REJECT}
            run = send(session, new.text, files=images_in(new.question, images), **values, **prompt, **once)
        else:
            run = answer_again(session.messages.get(pk=session.tip_id), **values)
        if not parsed.is_background:
            attached.attach(run)
        exchange = _store(run, parsed, parameters, chain=run.pk)
    return _started(exchange)


def _store(run: Run, parsed: ParsedRequest, parameters: dict, **values: object) -> Exchange:
    return Exchange.objects.create(
        run=run,
        kind=parsed.kind,
        input=parsed.input,
        parameters=parameters,
        echo=parsed.echo | {"model": run.model.name},
        is_stored=parsed.is_stored,
        is_background=parsed.is_background,
        **values,
    )


def _started(exchange: Exchange) -> Exchange:
    """The exchange with all rows that its folds need. Raises RunFailed if the broker is down."""
    exchange = Exchange.objects.select_related("run__session").get(pk=exchange.pk)
    run = exchange.run
    if run.status == Status.FAILED:
        raise RunFailed(run.code, run.error, run.retryable)
    return exchange


def _accepted(model: Model, parsed: ParsedRequest) -> dict:
    """The parameters that the model's profile lets through. Notes the names of the others.

    Raises UnsupportedParameter for tools if the model calls none: a program must not take the answer for a choice.
    """
    profile, given = profile_of(model), parsed.extra | parsed.parameters
    if model.has_tools is False and given.get("tools"):
        raise UnsupportedParameter(f"The model {model.name} does not call tools.", "tools")
    accepted = {name: value for name, value in given.items() if profile.accepts(name)}
    parsed.ignored += [name for name in given if name not in accepted]
    return accepted


def _check_context(parsed: ParsedRequest, characters: int) -> None:
    """Raise ContextTooLong before anything is stored."""
    path = path_to_root(parsed.previous) if parsed.previous else None
    before = path.characters if path else 0
    if before + characters > settings.CONTEXT_MAX_CHARACTERS or len(parsed.input) > settings.CONTEXT_MAX_MESSAGES:
        raise ContextTooLong


async def start_run_async(
    user: AbstractBaseUser, parsed: ParsedRequest, chain: UUID | None = None, held: Sequence[Attachment] = ()
) -> Exchange:
    """`start_run` in the request's thread. If the client disconnects meanwhile, the run is stopped once it exists."""
    starting = asyncio.ensure_future(in_request_thread(start_run, user, parsed, chain, held))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        stopping = asyncio.ensure_future(_stop_once_started(starting))
        _abandoned.add(stopping)
        stopping.add_done_callback(_abandoned.discard)
        raise


async def _stop_once_started(starting: "asyncio.Future[Exchange]") -> None:
    exchange = await starting
    await in_reader_thread(attached.stop_without_viewer, exchange.run_id)


def prompt_of(run: Run) -> tuple[list[dict], dict] | None:
    """The messages and parameters of a run that a program started; None for all other runs."""
    exchange = Exchange.objects.filter(run=run).first()
    if exchange is None:
        return None
    messages = _chat_messages(exchange.input) if exchange.kind == Kind.CHAT else upstream_messages(exchange)
    return messages, exchange.parameters


def _chat_messages(messages: Sequence[dict]) -> list[dict]:
    return [message | {"content": upstream_content(message["content"])} for message in messages]
