"""Request bodies: JSON, and no more of it than the site's limit for one request."""

from io import BytesIO

from django.conf import settings
from rest_framework import parsers
from rest_framework.exceptions import APIException, ParseError


class BodyTooLarge(APIException):
    status_code = 413
    default_code = "body_too_large"
    default_detail = "The request body is too large."


class JSONParser(parsers.JSONParser):
    """Reads at most `DATA_UPLOAD_MAX_MEMORY_SIZE` bytes: Django's own check does not see streamed bodies."""

    def parse(self, stream, media_type=None, parser_context=None):
        body = stream.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
        if len(body) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise BodyTooLarge()
        try:
            return super().parse(BytesIO(body), media_type, parser_context)
        except RecursionError:
            raise ParseError("JSON parse error - nested too deeply") from None
