"""Errors of comparisons: a stable code, a status, a sentence for users (`docs/compare.md`).

Refusal
├── AlreadyVoted
├── NothingToResume
├── PaneUnknown
├── StillAnswering
├── StillBlind
├── TooFewPanes
└── PaneGone
"""

from chatapp.errors import AppError


class Refusal(AppError):
    """This isn't possible."""

    code = "refused"
    status = 409


class AlreadyVoted(Refusal):
    """You have already voted."""

    code = "already_voted"


class NothingToResume(Refusal):
    """Only an answer that was stopped or interrupted can be continued."""

    code = "nothing_to_resume"


class PaneUnknown(Refusal):
    """Vote for one of the answers, or for a tie."""

    code = "pane_unknown"
    status = 400


class StillAnswering(Refusal):
    """An answer is still being written. Wait for it, or stop it."""

    code = "still_answering"
    retryable = True


class StillBlind(Refusal):
    """Vote first: continuing in a chat would reveal the model."""

    code = "still_blind"


class TooFewPanes(Refusal):
    """Keep at least two answers: with fewer, there is nothing to compare."""

    code = "too_few_panes"


class PaneGone(Refusal):
    """The chat of this answer was deleted."""

    code = "pane_gone"
