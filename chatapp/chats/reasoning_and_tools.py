"""An answer's reasoning and tool calls, cut to what a page shows.

The page's scripts have the same limits while an answer streams (live_answer.js, tool_calls.js). The export of a session
has everything.
"""

from chatapp.chats.plain_text import SHOWN_CHARACTERS

TOOLS = 100  # of an answer
NAME_CHARACTERS = 200  # of a tool
ARGUMENTS_CHARACTERS = 100_000  # of a tool


class ReasoningAndTools:
    """What `reasoning` and `tools` show."""

    reasoning: str
    tools: list[dict]

    @property
    def shown_reasoning(self) -> str:
        return self.reasoning[:SHOWN_CHARACTERS]

    @property
    def has_more_reasoning(self) -> bool:
        return len(self.reasoning) > SHOWN_CHARACTERS

    @property
    def shown_tools(self) -> list[dict]:
        return [tool | _shortened(tool) for tool in self.tools[:TOOLS]]

    @property
    def has_more_of_tools(self) -> bool:
        return len(self.tools) > TOOLS or any(_shortened(tool).items() - tool.items() for tool in self.tools)


def _shortened(tool: dict) -> dict:
    limits = {"name": NAME_CHARACTERS, "arguments": ARGUMENTS_CHARACTERS}
    return {part: tool[part][:limit] for part, limit in limits.items() if part in tool}
