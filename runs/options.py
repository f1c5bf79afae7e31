"""What a program chose for one answer in a chat."""

from typing import Any, TypedDict


class Options(TypedDict, total=False):
    """What is left out is as the chat or the model has it."""

    instructions: str  # in place of the chat's system prompt
    parameters: dict[str, Any]  # of a chat completion
