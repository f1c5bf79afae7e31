"""The tests' side of the scripted upstream: write a script, release its holds, query what happened."""

import itertools
import json
import secrets
import urllib.request

from tests.harness.parts import get_json

_numbers = itertools.count(1)


class Prompt(str):
    """A user's message that carries a script. `tag` names its requests at the upstream."""

    tag: str


def prompt(words: str = "Speak.", **script) -> Prompt:
    """A message that makes the upstream do what `script` says (`tests/upstream/script.py`)."""
    script.setdefault("tag", f"{secrets.token_hex(4)}-{next(_numbers)}")
    text = Prompt(f"{words}\nscript: {json.dumps(script)}")
    text.tag = script["tag"]
    return text


def spoken(count: int, first: int = 1) -> str:
    """The text of the numbered tokens: `w1 w2 w3 `."""
    return "".join(f"w{n} " for n in range(first, first + count))


class Upstream:
    """A running scripted upstream at `url`; its OpenAI-compatible address is `base_url`."""

    def __init__(self, url: str):
        self.url, self.base_url = url, f"{url}/v1"

    def release(self, tag: str, count: int = 1) -> None:
        """Let `count` holds of this tag pass, now or when they are reached."""
        self._post(f"/release/{tag}?count={count}", {})

    def register(self, **script) -> str:
        """A model id that speaks this script, for prompts that must not carry one."""
        return self._post("/scripts", script)["model"]

    def connections(self, tag: str) -> list[dict]:
        return get_json(f"{self.url}/connections/{tag}")

    def wait(self, tag: str, fact: str, count: int = 1) -> dict:
        """The tag's connection number `count` once it has started, stalled, closed or sent `tokens:N`."""
        return get_json(f"{self.url}/connections/{tag}?wait={fact}&count={count}")[count - 1]

    def _post(self, path: str, body: dict) -> dict | None:
        request = urllib.request.Request(f"{self.url}{path}", json.dumps(body).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=20) as reply:
            return json.loads(reply.read() or "null")
