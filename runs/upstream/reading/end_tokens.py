"""The tokens by which models end a turn. Servers with a wrong template let them through as text.

They are taken away at the very end of a text only, and only where nothing quotes them: anywhere else a text is about
them.
"""

import re

TOKENS = (
    "<|im_end|>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|eot|>",
    "<|eos|>",
    "<|end|>",
    "<|return|>",
    "<|user|>",
    "<|observation|>",
    "<|end_of_turn_token|>",
    "<|end_response|>",
    "<|im_start|>",
    "<end_of_turn>",
    "<end_of_utterance>",
    "<｜end▁of▁sentence｜>",
    "<turn|>",
    "<eos>",
    "</s>",
)
MAX_CHARACTERS = 200  # of a run of tokens; a longer one is text
RUN = re.compile(rf"(?:(?:{'|'.join(map(re.escape, TOKENS))})\s*)+\Z", re.IGNORECASE)
STRUCK_OUT = re.compile(r"<s(?:>|\Z)", re.IGNORECASE)  # of HTML: then </s> is its end


def length_at_end(text: str) -> int:
    """How many characters at the end of `text` are such tokens, or may be once more text comes."""
    tail = text[-MAX_CHARACTERS:]
    partial = length_of_partial(tail, TOKENS)
    run = RUN.search(tail, 0, len(tail) - partial)
    return len(tail) - run.start() if run else partial


def without_tokens(text: str) -> str:
    """`text` without such tokens at its end."""
    return RUN.sub("", text)


def length_of_partial(text: str, tags: tuple[str, ...]) -> int:
    """How many characters at the end of `text` may be the beginning of one of `tags`."""
    longest = max(map(len, tags)) - 1
    tail = text[-longest:].lower()
    for length in range(len(tail), 0, -1):
        if any(tag.startswith(tail[-length:]) for tag in tags):
            return length
    return 0
