"""Start the run of an API request, and build its upstream request."""

import asyncio
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from chatapp.chats import storage_usage
from chatapp.chats.models import Session
from chatapp.openai.errors import RunFailed, UnsupportedParameter
from chatapp.openai.model_names import name_of
from chatapp.openai.models import Exchange, Kind
from chatapp.openai.parsed_request import ParsedRequest
from chatapp.openai.previous_responses import path_to_root, upstream_messages
from runs.actions import send
from runs.errors import ContextTooLong
from runs.lifecycle import attached
from runs.models import Model, Run
from runs.states import Status, Trigger
from runs.upstream.profiles.profile import profile_of
from streams.access import in_request_thread
from streams.delivery.hub import in_reader_thread

TITLE = "By a program"  # title of its unlisted session; a session with a title needs no title run
_abandoned: set[asyncio.Future] = set()


def start_run(user: AbstractBaseUser, parsed: ParsedRequest, chain: UUID | None = None) -> Exchange:
    """Store the request and start its run. Only a background run outlives its client (B42).

    Raises the errors of `runs.actions.send`, ContextTooLong, UnsupportedParameter, and RunFailed if the run could not
    be enqueued.
    """
    characters = parsed.characters
    _check_context(parsed, characters)
    with transaction.atomic():
        session = Session.objects.create(owner=user, title=TITLE, is_listed=False)
        run = send(
            session,
            parsed.text,
            user=user,
            model=name_of(parsed.model, user),
            trigger=Trigger.API,
            is_attached=not parsed.is_background,
            is_program=True,
        )
        exchange = Exchange.objects.create(
            run=run,
            kind=parsed.kind,
            input=parsed.input,
            characters=characters,
            parameters=_accepted(run.model, parsed),
            echo=parsed.echo | {"model": run.model.name},
            is_stored=parsed.is_stored,
            is_background=parsed.is_background,
            chain=chain or run.pk,
            previous=parsed.previous,
        )
        storage_usage.add(user.pk, characters)
    run.refresh_from_db()
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


async def start_run_async(user: AbstractBaseUser, parsed: ParsedRequest, chain: UUID | None = None) -> Exchange:
    """`start_run` in the request's thread. If the client disconnects meanwhile, the run is stopped once it exists."""
    starting = asyncio.ensure_future(in_request_thread(start_run, user, parsed, chain))
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
    messages = exchange.input if exchange.kind == Kind.CHAT else upstream_messages(exchange)
    return messages, exchange.parameters
