"""The tools and the tool choice of a request.

Models here call functions only. Hosted tools, which OpenAI's servers execute, are dropped, unless the tool choice
demands one.
"""

from collections.abc import Callable
from typing import NamedTuple

from chatapp.openai.body_fields import Fields
from chatapp.openai.errors import Refusal, UnsupportedParameter

MODES = ("none", "auto", "required")
FUNCTION = "function"


class Tools(NamedTuple):
    """`functions`: definitions as `name`, `description` …; `choice`: a mode, or the name of one of them in a list."""

    functions: list[dict]
    choice: str | list[str] | None

    def upstream(self) -> dict:
        """The parameters of a chat completion. Without functions no choice is sent: servers refuse it."""
        if not self.functions:
            return {}
        tools = [{"type": FUNCTION, "function": function} for function in self.functions]
        return {"tools": tools} | ({} if self.choice is None else {"tool_choice": self._upstream_choice()})

    def _upstream_choice(self) -> object:
        if isinstance(self.choice, list):
            return {"type": FUNCTION, "function": {"name": self.choice[0]}}
        return self.choice


def parse_tools(fields: Fields, parse_one: Callable[[Fields], dict], named: Callable[[Fields], str]) -> Tools:
    """`parse_one` reads a definition, `named` the function that a tool choice names. Raises Refusal."""
    functions = []
    for tool in fields.objects("tools"):
        kind = tool.optional("type", str, FUNCTION)
        if kind == FUNCTION:
            functions.append(parse_one(tool))
        else:
            fields.ignored[f"tools[{kind[:40]}]"] = None
    choice, allowed = _choice(fields, named)
    if allowed is not None:
        functions = [function for function in functions if function["name"] in allowed]
    if choice == "required" and not functions:
        raise UnsupportedParameter("No function is left that the model could call.", "tool_choice")
    return Tools(functions, choice)


def _choice(fields: Fields, named: Callable[[Fields], str]) -> tuple[str | list[str] | None, set[str] | None]:
    """The choice, and the names of the functions it allows; None: all."""
    value = fields.as_dict().get("tool_choice")
    if value is None or (isinstance(value, str) and value in MODES):
        return value, None
    if isinstance(value, str):
        raise Refusal(f"tool_choice must be one of {', '.join(MODES)}, or an object.", "tool_choice")
    choice = Fields(value, "tool_choice", fields.ignored)
    match choice.optional("type", str):
        case "function":
            return [named(choice)], None
        case "allowed_tools":
            allowed = choice.object("allowed_tools") if "allowed_tools" in choice else choice
            tools = [tool for tool in allowed.objects("tools") if tool.optional("type", str, FUNCTION) == FUNCTION]
            return allowed.choice("mode", MODES, "auto"), {named(tool) for tool in tools}
    raise UnsupportedParameter("Only none, auto, required and functions are supported here.", "tool_choice")
