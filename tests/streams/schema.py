"""docs/events.schema.json, ready to judge envelopes and messages."""

import json
from pathlib import Path

from django.conf import settings
from jsonschema import Draft202012Validator, FormatChecker

SCHEMA = json.loads(Path(settings.BASE_DIR, "docs", "events.schema.json").read_text())
DEFINED = SCHEMA["$defs"]


def judge(name: str) -> Draft202012Validator:
    """A validator of one definition: `event`, `envelope`, `from_server`, `from_client`, or a kind's name."""
    return Draft202012Validator(SCHEMA | {"$ref": f"#/$defs/{name}"}, format_checker=FormatChecker())


def kinds_of(name: str) -> set[str]:
    """What a choice (`event`, `final`, `control`) may be."""
    return {choice["$ref"].removeprefix("#/$defs/") for choice in DEFINED[name]["oneOf"]}
