"""Actions on comparisons, with their rules."""

from collections.abc import Sequence
from random import SystemRandom

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from chatapp.chats.models import Session
from chatapp.compare.contenders import Contender
from chatapp.compare.errors import (
    AlreadyVoted,
    NothingToResume,
    PaneGone,
    PaneUnknown,
    StillAnswering,
    StillBlind,
    TooFewPanes,
)
from chatapp.compare.models import Comparison, Pane
from chatapp.compare.sequence import advance
from runs.actions import answer_again, continue_answer, delete_session, send
from runs.errors import NothingToContinue, StillQueued
from runs.lifecycle.attached import attach, detach, renew
from runs.lifecycle.queue import release
from runs.lifecycle.stop import request_stop
from runs.limits import check_prompt
from runs.models import Run
from runs.session_feed import sessions_changed
from runs.states import StopReason, Trigger

TITLE_CHARACTERS = Session._meta.get_field("title").max_length
LEAST_PANES = 2


@transaction.atomic
def compare(
    owner: AbstractBaseUser,
    prompt: str,
    contenders: Sequence[Contender],
    *,
    is_blind: bool = True,
    is_sequential: bool = False,
    key: str = "",
) -> Comparison:
    """Ask each contender, in random order. Runs are attached: they stop when no page follows them (B42).

    The same key again returns the first comparison (B22). Sequential: all but the first wait in their sessions' held
    queues, and `chatapp.compare.sequence` releases them. Raises the RunErrors of `runs.actions.send`, having
    written nothing.
    """
    check_prompt(prompt)
    values = {"prompt": prompt, "is_blind": is_blind, "is_sequential": is_sequential}
    if key:
        comparison, is_new = Comparison.objects.get_or_create(owner=owner, key=key, defaults=values)
        if not is_new:
            return comparison
    else:
        comparison = Comparison.objects.create(owner=owner, **values)
    shuffled = SystemRandom().sample(contenders, len(contenders))
    for position, contender in enumerate(shuffled):
        _open_pane(comparison, position, contender)
    return comparison


def _open_pane(comparison: Comparison, position: int, contender: Contender) -> None:
    """Create a pane with its session and run. A session with a title needs no title run."""
    title = " ".join(comparison.prompt.split())[:TITLE_CHARACTERS]
    session = Session.objects.create(
        owner=comparison.owner, title=title, is_listed=False, model=contender.model.name, **contender.settings
    )
    run = send(
        session,
        comparison.prompt,
        user=comparison.owner,
        trigger=Trigger.COMPARE,
        is_attached=True,
        is_held=comparison.is_sequential and position > 0,
    )
    Pane.objects.create(
        comparison=comparison,
        position=position,
        contender=contender.label,
        model_name=contender.model.name,
        session=session,
        run=run,
    )


def renew_attached(comparison: Comparison) -> None:
    """Renew the leases of the attached runs: a page has loaded and is about to follow them."""
    renew(runs_of(comparison).values_list("pk", flat=True))


def runs_of(comparison: Comparison):
    """The comparison's runs, without those of panes that were continued as chats."""
    return Run.objects.filter(session__pane__comparison=comparison, session__is_listed=False)


def stop_pane(pane: Pane, *, by: AbstractBaseUser, reason: StopReason = StopReason.USER) -> None:
    """Stop the active runs of one pane; the others continue."""
    for run in Run.objects.active().filter(session__pane=pane):
        request_stop(run, by, reason)


def stop_all(comparison: Comparison, *, by: AbstractBaseUser) -> None:
    """Stop all panes, last to first, so that no waiting pane starts in between (B44)."""
    for pane in reversed(comparison.panes.all()):
        stop_pane(pane, by=by)


def close(pane: Pane, *, by: AbstractBaseUser) -> None:
    """Close a pane and stop its active runs (B42). Raises TooFewPanes, AlreadyVoted."""
    with transaction.atomic():
        comparison = _undecided(pane.comparison)
        if comparison.panes.open().exclude(pk=pane.pk).count() < LEAST_PANES:
            raise TooFewPanes
        comparison.panes.open().filter(pk=pane.pk).update(closed_at=timezone.now())
    stop_pane(pane, by=by, reason=StopReason.VIEWER_LEFT)


@transaction.atomic
def reroll(pane: Pane, *, by: AbstractBaseUser) -> Run:
    """Replace the answer with a new one from the same contender.

    Raises AlreadyVoted, StillAnswering, PaneGone, and the RunErrors of `runs.actions.answer_again`.
    """
    _undecided(pane.comparison)
    pane = Pane.objects.select_related("run__message__session").get(pk=pane.pk)
    if pane.run is None:
        raise PaneGone
    if not pane.run.is_final:
        raise StillAnswering
    try:
        run = answer_again(pane.run.message, user=by, model=pane.model_name, trigger=Trigger.COMPARE)
    except StillQueued:  # the previous run has not been finalized
        raise StillAnswering from None
    attach(run)
    Pane.objects.filter(pk=pane.pk).update(run=run)
    return run


@transaction.atomic
def resume(pane: Pane, *, by: AbstractBaseUser) -> Run:
    """Continue an answer that was stopped or interrupted: new text is added to it, by the same contender.

    Raises AlreadyVoted, StillAnswering, NothingToResume, and the RunErrors of `runs.actions.continue_answer`. Of two
    calls at once the second raises StillAnswering: the first has locked the comparison.
    """
    comparison = _undecided(pane.comparison)
    pane = comparison.panes.select_related("run__message__session").get(pk=pane.pk)
    if pane.run is not None and not pane.run.is_final:
        raise StillAnswering
    if not pane.can_resume:
        raise NothingToResume
    return _resume(pane, by)


@transaction.atomic
def resume_all(comparison: Comparison, *, by: AbstractBaseUser) -> None:
    """Continue all answers that ended because their page or their worker was gone, but none that somebody stopped.

    In a sequential comparison one after the other. Raises as `resume`.
    """
    comparison = _undecided(comparison)
    panes = [pane for pane in comparison.panes.select_related("run__message__session") if pane.was_interrupted]
    if not panes:
        raise StillAnswering if runs_of(comparison).active().exists() else NothingToResume
    for pane in panes:
        _resume(pane, by, is_held=comparison.is_sequential)
    if comparison.is_sequential:
        advance(comparison.pk)


def _resume(pane: Pane, by: AbstractBaseUser, is_held: bool = False) -> Run:
    assert pane.run is not None  # `can_resume`
    try:
        run = continue_answer(
            pane.run.message, user=by, model=pane.model_name, trigger=Trigger.COMPARE, is_held=is_held
        )
    except NothingToContinue:  # the session has another run, which was started elsewhere
        raise StillAnswering from None
    attach(run)
    Pane.objects.filter(pk=pane.pk).update(run=run)
    return run


@transaction.atomic
def vote(comparison: Comparison, choice: str) -> None:
    """Record the vote, which is final and reveals the models. `choice` is the letter of an open pane, or "tie".

    Raises AlreadyVoted, PaneUnknown, StillAnswering.
    """
    comparison = _undecided(comparison)
    panes = {pane.letter: pane for pane in comparison.panes.open()}
    if choice != "tie" and choice not in panes:
        raise PaneUnknown
    if runs_of(comparison).active().exists():
        raise StillAnswering
    winner = panes.get(choice)
    undecided = Comparison.objects.filter(pk=comparison.pk, voted_at=None)
    if not undecided.update(voted_at=timezone.now(), winner=winner):
        raise AlreadyVoted


@transaction.atomic
def continue_as_chat(pane: Pane) -> Session:
    """Turn a pane into a chat. Its active run is detached: it continues without viewers (B46).

    Raises StillBlind, PaneGone.
    """
    comparison, session = Comparison.objects.get(pk=pane.comparison_id), pane.session
    if comparison.hides_models:
        raise StillBlind
    if session is None:
        raise PaneGone
    if not session.is_listed:
        for run in Run.objects.active().filter(session=session):
            detach(run)
        session.is_listed, session.title, session.active_at = True, "", timezone.now()
        session.save(update_fields=["is_listed", "title", "active_at"])
        sessions_changed(session.owner_id)
        release(session)  # in a sequential comparison its run may still be held
    return session


def delete(comparison: Comparison, *, by: AbstractBaseUser) -> None:
    """Delete a comparison and its answers, but not the chats that continue one."""
    with transaction.atomic():
        Comparison.objects.select_for_update().get(pk=comparison.pk)  # before the sessions, as `sequence` does
        for pane in reversed(comparison.panes.select_related("session")):
            if pane.session is not None and not pane.session.is_listed:
                delete_session(pane.session, by=by)
        comparison.delete()


def _undecided(comparison: Comparison) -> Comparison:
    """Reload and lock the comparison. Raises AlreadyVoted."""
    comparison = Comparison.objects.select_for_update().get(pk=comparison.pk)
    if comparison.is_decided:
        raise AlreadyVoted
    return comparison
