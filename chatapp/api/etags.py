"""ETag, If-None-Match and If-Match."""

from hashlib import sha256

from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from chatapp.api.errors import ChangedMeanwhile


def etag_of(data: object) -> str:
    """A hash of the representation."""
    return f'"{sha256(JSONRenderer().render(data)).hexdigest()[:32]}"'


def conditional_response(request: Request, data: object) -> Response:
    """The representation with its ETag; 304 if the client has it already."""
    etag = etag_of(data)
    known = _tags(request.headers.get("If-None-Match", ""))
    if known and (etag in {tag.removeprefix("W/") for tag in known} or known == ["*"]):
        return Response(status=304, headers={"ETag": etag})
    return Response(data, headers={"ETag": etag})


def check_unchanged(request: Request, data: object) -> None:
    """Raise ChangedMeanwhile unless `If-Match` allows the current representation, `data`."""
    allowed = _tags(request.headers.get("If-Match", ""))
    if allowed and allowed != ["*"] and etag_of(data) not in allowed:
        raise ChangedMeanwhile


def _tags(header: str) -> list[str]:
    return [tag for part in header.split(",") if (tag := part.strip())]
