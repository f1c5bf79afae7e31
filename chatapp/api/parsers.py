"""Request bodies: JSON."""

from rest_framework import parsers
from rest_framework.exceptions import ParseError


class JSONParser(parsers.JSONParser):
    def parse(self, stream, media_type=None, parser_context=None):
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError:  # not a ValueError, which is all that the framework expects
            raise ParseError("JSON parse error - nested too deeply") from None
