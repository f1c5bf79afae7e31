"""From what a program wants to a run, and from the run to what goes upstream."""

import asyncio
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from chatapp.chats import stored
from chatapp.chats.models import Session
from chatapp.openai.errors import Failed
from chatapp.openai.models import Exchange, Kind
from chatapp.openai.parsed_request import Wanted
from chatapp.openai.previous_responses import context_of, path_to
from runs.actions import send
from runs.errors import ContextTooLong
from runs.lifecycle import attached
from runs.models import Run
from runs.states import Status, Trigger
from streams.access import in_request_thread
from streams.delivery.hub import in_reader_thread

TITLE = "By a program"  # of a session that no list shows; with it the model is not asked for another one
_leaving: set[asyncio.Future] = set()


def ask(user: AbstractBaseUser, wanted: Wanted, chain: UUID | None = None) -> Exchange:
    """Start the run. Only one in the background outlives whoever waits for it (B42).

    Raises what `runs.actions.send` raises, ContextTooLong, and Failed if no worker could be told.
    """
    characters = wanted.characters
    _check_context(wanted, characters)
    with transaction.atomic():
        session = Session.objects.create(owner=user, title=TITLE, is_listed=False)
        run = send(
            session,
            wanted.text,
            user=user,
            model=wanted.model,
            trigger=Trigger.API,
            is_attached=not wanted.is_background,
        )
        exchange = Exchange.objects.create(
            run=run,
            kind=wanted.kind,
            input=wanted.input,
            characters=characters,
            parameters=wanted.parameters,
            echo=wanted.echo | {"model": run.model.name},
            is_stored=wanted.is_stored,
            is_background=wanted.is_background,
            chain=chain or run.pk,
            previous=wanted.previous,
        )
        stored.add(user.pk, characters)
    run.refresh_from_db()
    if run.status == Status.FAILED:
        raise Failed(run.code, run.error, run.retryable)
    return exchange


def _check_context(wanted: Wanted, characters: int) -> None:
    """Raise ContextTooLong before anything is stored, or spent."""
    path = path_to(wanted.previous) if wanted.previous else None
    before = path.characters if path else 0
    if before + characters > settings.CONTEXT_MAX_CHARACTERS or len(wanted.input) > settings.CONTEXT_MAX_MESSAGES:
        raise ContextTooLong


async def ask_for(user: AbstractBaseUser, wanted: Wanted, chain: UUID | None = None) -> Exchange:
    """`ask`, and should the client leave meanwhile, what it asked for ends as soon as it has begun."""
    asking = asyncio.ensure_future(in_request_thread(ask, user, wanted, chain))
    try:
        return await asyncio.shield(asking)
    except asyncio.CancelledError:
        leaving = asyncio.ensure_future(_leave(asking))
        _leaving.add(leaving)
        leaving.add_done_callback(_leaving.discard)
        raise


async def _leave(asking: "asyncio.Future[Exchange]") -> None:
    exchange = await asking
    await in_reader_thread(attached.stop_without_viewer, exchange.run_id)


def prompt_of(run: Run) -> tuple[list[dict], dict] | None:
    """The messages and parameters of a run that a program started. None: a person started it."""
    exchange = Exchange.objects.filter(run=run).first()
    if exchange is None:
        return None
    messages = exchange.input if exchange.kind == Kind.CHAT else context_of(exchange)
    return messages, exchange.parameters
