"""Requests that are passed on to the model's server as they are: embeddings and plain completions."""

from django.contrib.auth.models import AbstractBaseUser

from chatapp.openai.body_fields import Fields
from chatapp.openai.errors import MissingParameter, RunFailed
from chatapp.openai.model_names import find_model
from runs import errors
from runs.upstream.failures.program_details import program_details
from runs.upstream.relay import RelayedRequest, prepare_relay

ENCODING_FORMATS = ("float", "base64")


class RelayFailed(RunFailed):
    """A request that its model's server did not answer.

    A status 4xx is the server's own, unless it is about the key, which is this site's. This site made one attempt only.
    """

    def __init__(self, error: errors.RunError, key: str | None) -> None:
        details = program_details(error, key)
        upstream = details.get("upstream", {})
        super().__init__(error.code, error.message, error.is_transient, details.get("retry_after"), upstream)
        self.retryable = error.is_transient
        if isinstance(error, errors.UpstreamNotFound):
            self.status = 404
        elif not isinstance(error, errors.UpstreamUnauthorized | errors.UpstreamForbidden):
            self.status = upstream.get("status", self.status)


def parse_embeddings(body: dict) -> Fields:
    """Raises Refusal."""
    fields = _parse(body, "input")
    fields.choice("encoding_format", ENCODING_FORMATS)
    return fields


def parse_completion(body: dict) -> Fields:
    """Raises Refusal."""
    fields = _parse(body, "prompt")
    fields.optional("stream", bool)
    return fields


def _parse(body: dict, subject: str) -> Fields:
    """The fields, with a model and a subject, whose shape is the server's business: texts, tokens, lists of them."""
    fields = Fields(body)
    fields.required("model", str)
    if subject not in fields:
        raise MissingParameter(f"{subject} is required.", subject)
    return fields


def relay_to(path: str, user: AbstractBaseUser, fields: Fields, *, with_defaults: bool) -> RelayedRequest:
    """The request to `path` of the model's provider. Raises ModelUnknown, ProviderKeyMissing, ProviderKeyForbidden."""
    model = find_model(fields.required("model", str), user)
    return prepare_relay(model, path, fields.as_dict(), with_defaults=with_defaults)
