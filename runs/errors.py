"""Everything that can go wrong with a run: a stable code, a safe sentence, and whether trying again may help.

`docs/errors.md` lists every code; a test keeps the list complete.
"""


class RunError(Exception):
    """Something went wrong with this answer."""

    code = "internal_error"
    retryable = True
    is_transient = False  # whether the upstream is asked again by itself (B15)
    retry_after: float | None = None  # s the upstream wants to be left alone

    def __init__(self, detail: str = ""):
        """`detail` is for staff only (the trace); users are shown the class's docstring."""
        super().__init__(detail or self.message)

    @property
    def message(self) -> str:
        return " ".join((self.__doc__ or "").split())


class InternalError(RunError):
    """Something went wrong on our side. Please try again."""

    code = "internal_error"


class BrokerUnavailable(RunError):
    """The answer could not be started because the task broker is not reachable. Please try again."""

    code = "broker_unavailable"


class SessionBusy(RunError):
    """An answer is still being written in this chat."""

    code = "session_busy"

    def __init__(self, run_id: object = ""):
        super().__init__()
        self.run_id = run_id


class NotQueued(RunError):
    """This message does not wait any more."""

    code = "not_queued"
    retryable = False


class StillQueued(RunError):
    """This message still waits for its turn. Change it in the queue."""

    code = "still_queued"


class NothingToContinue(RunError):
    """Only an answer that has ended can be continued or written anew."""

    code = "not_final"


class KeyReused(RunError):
    """This key has been used for something else."""

    code = "idempotency_key_reused"
    retryable = False


class TooManyRuns(RunError):
    """You have too many answers on their way. Wait until one has ended."""

    code = "too_many_runs"


class TooManySends(RunError):
    """You are sending too fast. Wait a little."""

    code = "too_many_sends"


class ContextTooLong(RunError):
    """This conversation is too long to be continued."""

    code = "context_too_long"
    retryable = False


class QuotaExceeded(RunError):
    """Your chats fill the space that one user has here. Delete some of them first."""

    code = "quota_exceeded"
    retryable = False


class ModelUnknown(RunError):
    """This model is not available. Choose another one."""

    code = "model_unknown"
    retryable = False


class ModelMissing(RunError):
    """No model is configured yet. Staff can add one with `manage.py add_provider`."""

    code = "model_missing"
    retryable = False


class ProviderKeyMissing(RunError):
    """The key of this model's provider is not set on the server."""

    code = "provider_key_missing"
    retryable = False


class ProviderKeyForbidden(RunError):
    """The key of this model's provider may not be sent to its address. Staff can see why in the admin."""

    code = "provider_key_forbidden"
    retryable = False


class ProviderMisconfigured(RunError):
    """This model's provider is not configured correctly on the server."""

    code = "provider_misconfigured"
    retryable = False


class UpstreamUnreachable(RunError):
    """The model server could not be reached."""

    code = "upstream_unreachable"
    is_transient = True


class UpstreamDropped(RunError):
    """The model server closed the connection before it answered."""

    code = "upstream_dropped"
    is_transient = True


class UpstreamUnauthorized(RunError):
    """The model server did not accept the key."""

    code = "upstream_unauthorized"
    retryable = False


class UpstreamNotFound(RunError):
    """The model server does not know this model or address."""

    code = "upstream_not_found"
    retryable = False


class UpstreamRejected(RunError):
    """The model server did not accept the request."""

    code = "upstream_rejected"
    retryable = False


class UpstreamRateLimited(RunError):
    """The model server is busy or its limit is used up. Try again later."""

    code = "upstream_rate_limited"
    is_transient = True


class UpstreamFailed(RunError):
    """The model server reported an error."""

    code = "upstream_failed"


class UpstreamUnavailable(RunError):
    """The model server is not available at the moment."""

    code = "upstream_unavailable"
    is_transient = True


class UpstreamGarbage(RunError):
    """The model server sent something that is not an answer."""

    code = "upstream_garbage"


class UpstreamTooLarge(RunError):
    """The model server sent more than an answer may be."""

    code = "upstream_too_large"
    retryable = False


class UpstreamInterrupted(RunError):
    """The model server closed the connection before the answer was finished."""

    code = "upstream_interrupted"


class UpstreamSilent(RunError):
    """The model server sent nothing for too long."""

    code = "upstream_silent"


class EmptyAnswer(RunError):
    """The model ended without writing anything."""

    code = "empty_answer"


class TimeLimit(RunError):
    """The answer took longer than the time limit."""

    code = "time_limit"


class QueueTimeLimit(RunError):
    """No worker took this answer in time."""

    code = "queue_time_limit"


class AttachmentUnreadable(RunError):
    """Only files that hold text in UTF-8 can be attached."""

    code = "attachment_unreadable"
    retryable = False


class TooManyAttachments(RunError):
    """There are too many files. Send fewer at once."""

    code = "too_many_attachments"
    retryable = False


class PromptEmpty(RunError):
    """The message is empty."""

    code = "prompt_empty"
    retryable = False


class PromptTooLong(RunError):
    """The message is too long."""

    code = "prompt_too_long"
    retryable = False
