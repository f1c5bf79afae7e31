"""Which letters are written without spaces between words."""

import re

# Thai and Lao, Myanmar, Hangul, Khmer, Chinese and Japanese: ranges as in the brackets of a regular expression.
LETTERS = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007\u3040-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
EMOJI = "\u231a\u231b\u23e9-\u23fa\u2600-\u27bf\u2b05-\u2b55\U0001f000-\U0001faff"
LETTER = f"[{LETTERS}{EMOJI}]"

_LETTER = re.compile(LETTER)


def is_run(word: str) -> bool:
    """Whether a word of a query is of these letters; a word has either only these or none of them."""
    return bool(_LETTER.match(word))
