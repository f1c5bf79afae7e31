"""Variants of text, reasoning and tool calls as model servers send them: what differs, and what is read of it."""

import pytest

from tests.runs.reading import chunk, read_of

# -- text and reasoning -------------------------------------------------------------------------------

ENDS = [
    "<|im_end|>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|end|>",
    "<|return|>",
    "</s>",
    "<eos>",
    "<end_of_turn>",
    "<turn|>",
    "<|END_OF_TURN_TOKEN|>",
    "<｜end▁of▁sentence｜>",
    "<|user|>",
    "<|observation|>",
    "<end_of_utterance>",
    "<|im_start|>",
]


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (["Hi.", "{}"], "Hi."),  # llama.cpp and LM Studio with a wrong template
        (["Hi.{}"], "Hi."),
        (["Hi.", "\n", "{}\n"], "Hi.\n"),
        (["Hi.{}", "</s>"], "Hi."),
        (["Write `{}` last."], "Write `{}` last."),
        (["Write ", "`", "{}"], "Write `{}"),
        (["Hi ", "{}", " there."], "Hi {} there."),
        (["{}"], "{}"),
    ],
)
def test_tokens_that_end_a_turn_are_no_text_at_its_very_end(pieces, text, end):
    got = read_of(*(chunk({"content": piece.replace("{}", end)}) for piece in pieces))
    assert got.text == text.replace("{}", end)


@pytest.mark.parametrize(
    "text", ["<s>old</s>", "a < b", "a <", "</", "<div>x</div>", "i <<= 1 <|", "a </s", "x<|im_en"]
)
def test_what_only_looks_like_such_a_token_is_text(text):
    assert read_of(*(chunk({"content": piece}) for piece in text)).text == text


@pytest.mark.parametrize(
    ("text", "reasoning", "answer"),
    [
        ("<think>Hm.</think><answer>Hi.</answer>", "Hm.", "Hi."),
        ("<think>\nHm.\n</think>\n\n<answer>\nHi.\n</answer>\n", "Hm.\n", "Hi.\n\n"),
        ("Hm.</think><answer>Hi.</answer><|im_end|>", "Hm.", "Hi."),
        ("<think>Hm.</think><final_answer>Hi.</final_answer>", "Hm.", "Hi."),
        ("<|begin_of_thought|>Hm.<|end_of_thought|><|begin_of_solution|>Hi.<|end_of_solution|>", "Hm.", "Hi."),
        ("<think>Hm.</think><answer>Hi.</answer> Bye.", "Hm.", "Hi. Bye."),
        ("<think>Hm.</think><answer>Hi.", "Hm.", "Hi."),
        ("<think>Hm.</think>Use <answer>x</answer>.", "Hm.", "Use <answer>x</answer>."),
        ("<answer>Hi.</answer>", "", "<answer>Hi.</answer>"),
        ("<think>Hm.</think></s>", "Hm.", ""),
    ],
)
def test_tags_around_an_answer_after_a_block_of_reasoning_are_no_text(text, reasoning, answer):
    for size in (1, 3, 1_000):
        got = read_of(*(chunk({"content": text[at : at + size]}) for at in range(0, len(text), size)))
        assert (got.reasoning, got.text) == (reasoning, answer)


DELTAS = {
    "OpenAI's first": ({"role": "assistant", "content": "Hi", "refusal": None}, "", "Hi"),
    "Azure's annotations": ({"content": "Hi", "annotations": [], "audio": None, "function_call": None}, "", "Hi"),
    "DeepSeek thinks": ({"content": None, "reasoning_content": "Hm"}, "Hm", ""),
    "DeepSeek answers": ({"content": "Hi", "reasoning_content": None}, "", "Hi"),
    "DeepSeek, empty": ({"content": "Hi", "reasoning_content": ""}, "", "Hi"),
    "Groq": ({"reasoning": "Hm", "channel": "analysis"}, "Hm", ""),
    "Cerebras": ({"reasoning": "Hm", "content": ""}, "Hm", ""),
    "OpenRouter": (
        {
            "role": "assistant",
            "content": "",
            "reasoning": "Hm",
            "reasoning_details": [{"type": "reasoning.text", "text": "Hm", "format": "x", "index": 0}],
        },
        "Hm",
        "",
    ),
    "OpenRouter, a summary": (
        {"content": "", "reasoning_details": [{"type": "reasoning.summary", "summary": "Hm"}]},
        "Hm",
        "",
    ),
    "OpenRouter, encrypted": (
        {"content": "Hi", "reasoning_details": [{"type": "reasoning.encrypted", "data": "x"}]},
        "",
        "Hi",
    ),
    "Mistral thinks": ({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}]}, "Hm", ""),
    "Mistral, closed": (
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}], "closed": True}]},
        "Hm",
        "",
    ),
    "Mistral refers": (
        {"content": [{"type": "text", "text": "Hi"}, {"type": "reference", "reference_ids": [0]}]},
        "",
        "Hi",
    ),
    "Cohere": ({"content": {"type": "text", "text": "Hi"}}, "", "Hi"),
    "Cohere thinks": ({"content": {"type": "thinking", "thinking": "Hm"}}, "Hm", ""),
    "LiteLLM of Anthropic": (
        {
            "content": "",
            "reasoning_content": "Hm",
            "thinking_blocks": [{"type": "thinking", "thinking": "Hm", "signature": None}],
        },
        "Hm",
        "",
    ),
    "LiteLLM, provider fields": ({"content": "Hi", "provider_specific_fields": {"citation": None}}, "", "Hi"),
    "MiniMax": ({"content": "", "reasoning_details": [{"type": "reasoning.text", "text": "Hm"}]}, "Hm", ""),
    "Zhipu": ({"role": "assistant", "reasoning_content": "Hm"}, "Hm", ""),
    "Moonshot": ({"reasoning_content": "Hm", "content": None, "tool_calls": None}, "Hm", ""),
    "Qwen": ({"content": None, "reasoning_content": "Hm", "role": None}, "Hm", ""),
    "Qwen-Omni": ({"audio": {"transcript": "Hi"}, "content": None}, "", "Hi"),
    "xAI": ({"reasoning_content": "Hm", "role": "assistant"}, "Hm", ""),
    "vLLM": ({"reasoning": "Hm", "reasoning_content": "Hm"}, "Hm", ""),
    "SGLang": ({"role": None, "content": "Hi", "reasoning_content": None, "tool_calls": None}, "", "Hi"),
    "Ollama": ({"role": "assistant", "content": "", "reasoning": "Hm"}, "Hm", ""),
    "Ollama's own": ({"role": "assistant", "content": "", "thinking": "Hm"}, "Hm", ""),
    "llama.cpp": ({"role": "assistant", "content": None, "reasoning_content": "Hm"}, "Hm", ""),
    "Databricks": ({"content": [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm"}]}]}, "Hm", ""),
    "Bedrock's parts": ({"content": [{"text": "Hi"}]}, "", "Hi"),
    "Gemini's parts": ({"content": [{"text": "Hm", "thought": True}, {"text": "Hi"}]}, "Hm", "Hi"),
    "both at once": ({"content": "Hi", "reasoning_content": "Hm"}, "Hm", "Hi"),
    "text alone": ("Hi", "", "Hi"),
}


@pytest.mark.parametrize("server", DELTAS)
def test_each_server_s_delta_is_text_or_reasoning(server):
    delta, reasoning, text = DELTAS[server]
    for before in ([], [chunk({"content": "> "})]):  # the first chunk, and a later one
        got = read_of(*before, chunk(delta))
        assert (got.reasoning, got.text) == (reasoning, "> " * len(before) + text)


# -- tool calls ---------------------------------------------------------------------------------------


def call(arguments: object = None, name: str | None = None, id_: str | None = None, index: object = None) -> dict:
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    piece = {key: value for key, value in (("id", id_), ("index", index)) if value is not None}
    return {"tool_calls": [piece | {"type": "function", "function": function}]}


WEATHER = [("weather", '{"city": "Rome"}')]
CALLS = {
    "Gemini's place holder": ([call("{}", "weather", "a", 0), call('{"city": "Rome"}', None, None, 0)], WEATHER),
    "a place holder, then pieces": (
        [call("{}", "weather", "a", 0), call('{"city":', index=0), call(' "Rome"}', index=0)],
        WEATHER,
    ),
    "a place holder with each name": (
        [call("{}", "weather", "a", 0), call('{"city": "Rome"}', "weather", "a", 0)],
        WEATHER,
    ),
    "an empty string": ([call("", "weather", "a", 0), call('{"city": "Rome"}', index=0)], WEATHER),
    "null": ([call(None, "weather", "a", 0), call('{"city": "Rome"}', index=0)], WEATHER),
    "an empty object as object": ([call({}, "weather", "a", 0), call('{"city": "Rome"}', index=0)], WEATHER),
    "no arguments": ([call("{}", "time", "a", 0)], [("time", "{}")]),
    "no arguments, then a call": (
        [call("{}", "time", "a", 0), call('{"city": "Rome"}', "weather", "b", 1)],
        [("time", "{}"), *WEATHER],
    ),
    "no arguments, all numbered 0": (
        [call("{}", "time", "a", 0), call('{"city": "Rome"}', "weather", "b", 0)],
        [("time", "{}"), *WEATHER],
    ),
    "no arguments, unnumbered": ([call("{}", "time"), call('{"city": "Rome"}', "weather")], [("time", "{}"), *WEATHER]),
    "no arguments, twice": ([call("{}", "time", "a", 0), call("{}", "time", "a", 0)], [("time", "{}")]),
    "no arguments in two pieces": ([call("{", "time", "a", 0), call("}", index=0)], [("time", "{}")]),
    "the brace with the name": ([call("{", "weather", "a", 0), call('"city": "Rome"}', index=0)], WEATHER),
    "gpt-oss's channel in the name": ([call('{"city": "Rome"}', "weather<|channel|>commentary", "a", 0)], WEATHER),
    "gpt-oss's constraint in the name": ([call('{"city": "Rome"}', "weather<|constrain|>json", "a", 0)], WEATHER),
    "numbered by strings": ([call('{"city":', "weather", "a", "0"), call(' "Rome"}', index="0")], WEATHER),
    "numbered from 1": ([call('{"city":', "weather", "a", 1), call(' "Rome"}', index=1)], WEATHER),
    "an id with each piece": ([call('{"city":', "weather", "a", 0), call(' "Rome"}', None, "a", 0)], WEATHER),
    "an empty id with each piece": ([call('{"city":', "weather", "a", 0), call(' "Rome"}', "", "", 0)], WEATHER),
    "the name in pieces": (
        [call("", "wea", "a", 0), call("", "ther", None, 0), call('{"city": "Rome"}', index=0)],
        WEATHER,
    ),
    "all of it, grown": ([call('{"city":', "weather", "a", 0), call('{"city": "Rome"}', "weather", "a", 0)], WEATHER),
    "as the old function_call": ([{"function_call": {"name": "weather", "arguments": '{"city": "Rome"}'}}], WEATHER),
    "with text before": ([{"content": "Let me see."}, call('{"city": "Rome"}', "weather", "a", 0)], WEATHER),
    "with an end token before": ([{"content": "<|im_end|>"}, call('{"city": "Rome"}', "weather", "a", 0)], WEATHER),
}


@pytest.mark.parametrize("form", CALLS)
def test_calls_are_read_as_they_were_meant(form):
    deltas, calls = CALLS[form]
    got = read_of(*map(chunk, deltas))
    assert got.tools == calls and "<|" not in got.text
