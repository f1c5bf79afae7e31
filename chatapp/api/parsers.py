"""Parse request bodies with `chatapp.strict_json`."""

from rest_framework import parsers
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.settings import api_settings

from chatapp.strict_json import NotJson, Unstorable, loads


class JSONParser(parsers.JSONParser):
    def parse(self, stream, media_type=None, parser_context=None) -> object:
        try:
            return loads(stream.read())
        except NotJson as error:
            raise ParseError(f"JSON parse error - {error}") from None
        except Unstorable as error:
            raise ValidationError({error.name or api_settings.NON_FIELD_ERRORS_KEY: [str(error)]}) from None
