"""Everything that can go wrong with a run: a stable code, a safe sentence, and whether trying again may help.

    RunError
    ├── InternalError
    ├── BrokerUnavailable
    ├── RunRefused
    │   ├── PromptEmpty
    │   ├── PromptTooLong
    │   ├── TooManyAttachments
    │   ├── ContextTooLong
    │   ├── ModelUnknown
    │   ├── ModelMissing
    │   ├── SessionBusy
    │   ├── NotQueued
    │   ├── StillQueued
    │   ├── NothingToContinue
    │   ├── KeyReused
    │   ├── TooManyRuns
    │   ├── TooManySends
    │   └── QuotaExceeded
    └── RunFailed
        ├── QueueTimeLimit
        ├── TimeLimit
        ├── EmptyAnswer
        │   ├── LengthUsedUp
        │   └── AnswerFiltered
        ├── ModelForbidden
        ├── ProviderKeyMissing
        ├── ProviderKeyForbidden
        ├── ProviderMisconfigured
        └── UpstreamError
            ├── UpstreamUnreachable
            ├── UpstreamDropped
            ├── UpstreamRedirected
            ├── UpstreamUnauthorized
            ├── UpstreamForbidden
            ├── UpstreamNotFound
            ├── UpstreamRejected
            │   └── UpstreamFiltered
            ├── UpstreamContextTooLong
            ├── UpstreamQuotaExhausted
            ├── UpstreamRateLimited
            ├── UpstreamFailed
            ├── UpstreamUnavailable
            ├── UpstreamTimeout
            ├── UpstreamLoading
            ├── UpstreamGarbage
            │   └── UpstreamWebPage
            ├── UpstreamTooLarge
            ├── UpstreamInterrupted
            └── UpstreamSilent

The schedules' errors (`chatapp.schedules.errors`) are RunErrors, too. A test keeps `docs/errors.md` complete.
"""

from chatapp.errors import AppError


class RunError(AppError):
    """Something went wrong with this answer."""

    retryable = True
    is_transient = was_retried = False  # whether the worker itself sends the request again (B15); and has, in vain


class InternalError(RunError):
    """Something went wrong on our side. Please try again."""

    code = "internal_error"


class BrokerUnavailable(RunError):
    """The answer could not be started because the task broker is not reachable. Please try again."""

    code = "broker_unavailable"
    status = 503


class RunRefused(RunError):
    """This answer could not be requested."""


class PromptEmpty(RunRefused):
    """The message is empty."""

    code = "prompt_empty"
    status = 422
    retryable = False


class PromptTooLong(RunRefused):
    """The message is too long."""

    code = "prompt_too_long"
    status = 413
    retryable = False


class TooManyAttachments(RunRefused):
    """Too many files. Send fewer at once."""

    code = "too_many_attachments"
    status = 422
    retryable = False


class ContextTooLong(RunRefused):
    """This chat has become too long. Start a new one."""

    code = "context_too_long"
    status = 413
    retryable = False


class ModelUnknown(RunRefused):
    """This model is not available. Choose another one."""

    code = "model_unknown"
    status = 422
    retryable = False


class ModelMissing(RunRefused):
    """No model is configured yet. Staff can add one in the admin, or with manage.py add_provider."""

    code = "model_missing"
    status = 503
    retryable = False


class SessionBusy(RunRefused):
    """An answer is still being written in this chat. Wait for it, or stop it."""

    code = "session_busy"
    status = 409

    def __init__(self, run_id: object = "") -> None:
        super().__init__()
        self.run_id = run_id


class NotQueued(RunRefused):
    """This message is no longer in the queue."""

    code = "not_queued"
    status = 409
    retryable = False


class StillQueued(RunRefused):
    """This message is still in the queue. Change it there."""

    code = "still_queued"
    status = 409


class NothingToContinue(RunRefused):
    """Only a finished answer can be continued or regenerated."""

    code = "not_final"
    status = 409


class KeyReused(RunRefused):
    """This key was already used for a different request."""

    code = "idempotency_key_reused"
    status = 422
    retryable = False


class TooManyRuns(RunRefused):
    """You have too many answers in progress. Wait until one has finished."""

    code = "too_many_runs"
    status = 429


class TooManySends(RunRefused):
    """You are sending messages too quickly. Wait a moment."""

    code = "too_many_sends"
    status = 429


class QuotaExceeded(RunRefused):
    """You have used all of your storage. Delete some chats first."""

    code = "quota_exceeded"
    status = 413
    retryable = False


class RunFailed(RunError):
    """This answer could not be finished."""


class QueueTimeLimit(RunFailed):
    """This answer could not be started in time. Please try again."""

    code = "queue_time_limit"


class TimeLimit(RunFailed):
    """The answer took longer than the time limit."""

    code = "time_limit"


class EmptyAnswer(RunFailed):
    """The model finished without writing anything."""

    code = "empty_answer"


class LengthUsedUp(EmptyAnswer):
    """The model reached its length limit before it wrote anything. A larger limit may help."""


class AnswerFiltered(EmptyAnswer):
    """The model server's content filter removed the whole answer."""


class ModelForbidden(RunFailed):
    """You can no longer use this model. Choose another one."""

    code = "model_forbidden"
    retryable = False


class ProviderKeyMissing(RunFailed):
    """The API key for this model's provider is not set on the server."""

    code = "provider_key_missing"
    retryable = False


class ProviderKeyForbidden(RunFailed):
    """The API key for this model's provider must not be sent to its address. Staff can see why in the admin."""

    code = "provider_key_forbidden"
    retryable = False


class ProviderMisconfigured(RunFailed):
    """This model's provider is not configured correctly on the server."""

    code = "provider_misconfigured"
    retryable = False


class UpstreamError(RunFailed):
    """The model server could not answer."""

    # What the server itself reported: for staff, and for programs, which may handle its codes.
    upstream_status: int | None = None  # of HTTP, or the number of this kind in an error within a stream
    upstream_code = ""
    upstream_message = ""
    upstream_param = ""  # the parameter at fault


class UpstreamUnreachable(UpstreamError):
    """The model server could not be reached."""

    code = "upstream_unreachable"
    is_transient = True


class UpstreamDropped(UpstreamError):
    """The model server closed the connection before it answered."""

    code = "upstream_dropped"
    is_transient = True


class UpstreamRedirected(UpstreamError):
    """The model server has moved to another address. Staff can change it in the settings."""

    code = "upstream_redirected"
    retryable = False


class UpstreamUnauthorized(UpstreamError):
    """The model server did not accept the key."""

    code = "upstream_unauthorized"
    retryable = False


class UpstreamForbidden(UpstreamError):
    """The model server does not allow this request."""

    code = "upstream_forbidden"
    retryable = False


class UpstreamNotFound(UpstreamError):
    """The model server does not know this model or address."""

    code = "upstream_not_found"
    retryable = False


class UpstreamRejected(UpstreamError):
    """The model server did not accept the request."""

    code = "upstream_rejected"
    retryable = False


class UpstreamFiltered(UpstreamRejected):
    """The model server's content filter or moderation refused the request: its policy flagged it."""


class UpstreamContextTooLong(UpstreamError):
    """This chat is too long for the model: it exceeds the context length. Start a new chat."""

    code = "context_length_exceeded"
    retryable = False
    context_limit: int | None = None  # tokens, as far as the server says
    context_requested: int | None = None


class UpstreamQuotaExhausted(UpstreamError):
    """The credit or quota at the model's provider is used up."""

    code = "upstream_quota_exhausted"
    retryable = False


class UpstreamRateLimited(UpstreamError):
    """The model server is busy or its rate limit is reached. Try again later."""

    code = "upstream_rate_limited"
    is_transient = True


class UpstreamFailed(UpstreamError):
    """The model server reported an error."""

    code = "upstream_failed"


class UpstreamUnavailable(UpstreamError):
    """The model server is not available at the moment."""

    code = "upstream_unavailable"
    is_transient = True


class UpstreamTimeout(UpstreamError):
    """The model server took too long. Please try again."""

    code = "upstream_timeout"
    is_transient = True


class UpstreamLoading(UpstreamError):
    """The model is still being loaded. Please try again later."""

    code = "upstream_loading"
    is_transient = True


class UpstreamGarbage(UpstreamError):
    """The model server sent an invalid response."""

    code = "upstream_garbage"


class UpstreamWebPage(UpstreamGarbage):
    """The model server sent a web page instead of an answer. Its address may be wrong."""


class UpstreamTooLarge(UpstreamError):
    """The model server's response was too large."""

    code = "upstream_too_large"
    retryable = False


class UpstreamInterrupted(UpstreamError):
    """The model server closed the connection before the answer was finished."""

    code = "upstream_interrupted"


class UpstreamSilent(UpstreamError):
    """The model server stopped sending data."""

    code = "upstream_silent"
