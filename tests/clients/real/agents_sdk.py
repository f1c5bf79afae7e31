"""The Agents SDK for Python: a tool loop on both APIs, whole and as a stream, and a second turn."""

import asyncio
import json
import os

from agents import (
    Agent,
    ModelSettings,
    OpenAIConversationsSession,
    Runner,
    WebSearchTool,
    function_tool,
    set_default_openai_api,
    set_default_openai_client,
    set_tracing_disabled,
)
from openai import AsyncOpenAI


@function_tool
def weather(city: str) -> str:
    """The weather."""
    return f"cold in {city}"


async def turns(api: str, is_stream: bool) -> bool:
    set_default_openai_api(api)
    tools = [weather, WebSearchTool()] if api == "responses" else [weather]
    settings = ModelSettings(verbosity="low", extra_args={"prompt_cache_retention": "24h"})
    agent = Agent(name="A", instructions="Be brief.", model="gpt-5", tools=tools, model_settings=settings)
    if is_stream:
        first = Runner.run_streamed(agent, os.environ["PROMPT"])
        async for _ in first.stream_events():
            pass
    else:
        first = await Runner.run(agent, os.environ["PROMPT"])
    second = await Runner.run(agent, [*first.to_input_list(), {"role": "user", "content": "And now?"}])
    return first.final_output == "It is cold." and second.final_output.startswith("w1 w2 ")


async def in_a_conversation() -> bool:
    set_default_openai_api("responses")
    agent = Agent(name="A", instructions="Be brief.", model="gpt-5", tools=[weather])
    session = OpenAIConversationsSession()
    first = await Runner.run(agent, os.environ["PROMPT"], session=session)
    second = await Runner.run(agent, "And now?", session=session)
    items = await session.get_items()
    return first.final_output == "It is cold." and second.final_output.startswith("w1 w2 ") and len(items) >= 6


def report(way: str, is_right: bool, detail: str) -> None:
    print(json.dumps({"client": "openai-agents (Python)", "way": way, "ok": is_right, "detail": detail}))


async def main() -> None:
    set_tracing_disabled(True)
    set_default_openai_client(AsyncOpenAI())
    for api in ("responses", "chat_completions"):
        for is_stream in (False, True):
            detail = ""
            try:
                is_right = await turns(api, is_stream)
            except Exception as error:
                is_right, detail = False, repr(error)
            way = api + ", stream" * is_stream
            report(way, is_right, detail)
    detail = ""
    try:
        is_right = await in_a_conversation()
    except Exception as error:
        is_right, detail = False, repr(error)
    report("a session that is a conversation", is_right, detail)


asyncio.run(main())
