"""Bodies and queries hold only what the API knows, and null is the default.

A misspelt name would otherwise change nothing, silently. Read-only members may come back with an object that was read.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import ClassVar

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

NAME_CHARACTERS = 100  # of an unknown name that are repeated
FIELD, PARAMETER = "field", "parameter"


def refuse_unknown(names: Iterable[str], known: Iterable[str], kind: str) -> None:
    """Raise ValidationError for `names` that are not `known`, with the nearest that is. `kind`: what they name."""
    known = set(known)
    if unknown := sorted(set(names) - known):
        raise ValidationError({name[:NAME_CHARACTERS]: [_unknown(name, known, kind)] for name in unknown})


def _unknown(name: str, known: set[str], kind: str) -> str:
    nearest = get_close_matches(name[:NAME_CHARACTERS].lower(), sorted(known), 1)
    return f"Unknown {kind}." + (f" Did you mean {nearest[0]}?" if nearest else "")


class StrictSerializer(serializers.Serializer):
    """The base of all bodies.

    null is a missing field where a field may be missing. In a change, where a missing field keeps its value, it is the
    default: that of `null_means`.
    """

    null_means: ClassVar[dict[str, object]] = {}

    def to_internal_value(self, data: object) -> dict:
        if not isinstance(data, dict):
            return super().to_internal_value(data)
        writable = {name: field for name, field in self.fields.items() if not field.read_only}
        refuse_unknown(data.keys() - (self.fields.keys() - writable.keys()), writable, FIELD)
        nulls = {
            name
            for name, field in writable.items()
            if data.get(name, self) is None and not (field.allow_null or self._needs(name, field))
        }
        values = super().to_internal_value({name: value for name, value in data.items() if name not in nulls})
        return values | ({name: self.null_means[name] for name in nulls} if self._is_change else {})

    def _needs(self, name: str, field: serializers.Field) -> bool:
        """Whether there is no default."""
        return name not in self.null_means if self._is_change else field.required

    @property
    def _is_change(self) -> bool:
        return bool(getattr(self.root, "partial", False))
