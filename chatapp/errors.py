"""The root of every error that has a code and a sentence for users.

    AppError
    ├── RunError               runs.errors: a run, or the request for one
    ├── Refusal                chatapp.compare.errors: an action on a comparison
    ├── FileRefused            chatapp.files.errors: a file, or its deletion
    ├── Refusal                chatapp.openai.errors: a request in OpenAI's protocol
    ├── RunFailed              chatapp.openai.errors: a run that failed while its OpenAI client waited
    ├── TooManyConnections     streams.transports.connection_limit
    ├── BodyTooSlow            chatapp.api.errors
    ├── TooManyTokens          chatapp.accounts.tokens
    ├── LifetimeRefused        chatapp.accounts.tokens
    ├── UsernameTaken          chatapp.accounts.invitations
    ├── TooManyEndpoints       chatapp.webhooks.actions
    ├── BadAddress             chatapp.webhooks.actions
    ├── NoSuchMessage          chatapp.aisdk.chat_sessions
    └── HistoryMismatch        chatapp.aisdk.history

Exceptions with another root never reach a user: they are control flow (`Fenced`, `Conflict`) or belong to a library.
`docs/errors.md` lists the codes of the API.
"""


class AppError(Exception):
    """Something went wrong."""

    code = "internal_error"  # stable
    status = 500  # HTTP, where the error answers a request
    retryable = False  # whether the same request may succeed later
    retry_after: float | None = None  # s until it may

    def __init__(self, detail: str = "", *, message: str = "") -> None:
        """`detail` is for staff only (logs, traces); users see `message`, by default the docstring of the class."""
        self.message = message or " ".join((self.__doc__ or "").split())
        super().__init__(detail or self.message)
