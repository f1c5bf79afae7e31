"""Contenders of a comparison: a model with its settings."""

from dataclasses import dataclass
from hashlib import sha256

from django.db.models import Count

from runs.models import Model

LABEL_CHARACTERS = 300  # as Pane.contender
PROMPT_CHARACTERS = 60  # of a system prompt, in a contender's label


@dataclass(frozen=True)
class Contender:
    """A model with settings. Empty settings fall back to the model's own."""

    model: Model
    temperature: float | None = None
    max_tokens: int | None = None
    system_prompt: str = ""

    @property
    def settings(self) -> dict[str, object]:
        """The settings as fields of a session."""
        return {
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
            "system_prompt": self.system_prompt,
        }

    @property
    def label(self) -> str:
        """The name on pages and on the scoreboard. Two contenders share a label only if they are equal."""
        parts = [_name_of(self.model)]
        if self.temperature is not None:
            parts.append(f"temperature {self.temperature:g}")
        if self.max_tokens is not None:
            parts.append(f"at most {self.max_tokens} tokens")
        if self.system_prompt:
            parts.append(f"“{_shortened(self.system_prompt)}”")
        return " · ".join(parts)[:LABEL_CHARACTERS]


def _name_of(model: Model) -> str:
    """The model's label, with its name appended where labels are ambiguous."""
    same = Model.objects.filter(label=model.label).aggregate(count=Count("pk"))["count"]
    return f"{model.label} ({model.name})" if same > 1 else model.label


def _shortened(text: str) -> str:
    """The start of a long text, with a hash to distinguish texts that start the same."""
    line = " ".join(text.split())
    if len(line) <= PROMPT_CHARACTERS:
        return line
    return f"{line[:PROMPT_CHARACTERS]}… #{sha256(text.encode()).hexdigest()[:6]}"
