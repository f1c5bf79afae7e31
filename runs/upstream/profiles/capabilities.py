"""What a model is capable of, as staff or its server's list say: what it cannot do is not asked of it.

Only a plain no counts: of most models nothing is known. Whether a model reads images (`Model.has_vision`) decides what
the content of a message may be, not a parameter: that belongs where messages get their parts.
"""

from runs.models import Model
from runs.upstream.profiles.shipped import Layer

TOOLS = ["tools", "tool_choice", "parallel_tool_calls", "functions", "function_call"]
REASONING = ["reasoning_effort", "reasoning"]


def capability_layer(model: Model) -> Layer:
    """The layer of the model's profile that leaves out what it is not capable of."""
    omit = (TOOLS if model.has_tools is False else []) + (REASONING if model.has_reasoning is False else [])
    return {"omit": omit} if omit else {}
