"""Chats of the real AI SDK, in a Node.js process."""

import itertools
import os
from pathlib import Path

import pytest

from tests.harness.facts import wait_until
from tests.harness.node import Node

_numbers = itertools.count(1)


class Chat:
    """One chat of the SDK, as its page would see it."""

    def __init__(self, node: Node, name: str):
        self.node, self.name = node, name

    def call(self, method: str, *args: object) -> "Chat":
        self.node.ask(do="call", chat=self.name, method=method, args=args)
        return self

    def send(self, text: str, **options: object) -> "Chat":
        return self.call("sendMessage", {"text": text}, options)

    def unmount(self) -> None:
        self.node.ask(do="unmount", chat=self.name)

    def settle(self) -> dict:
        """The state after the last call has ended."""
        self.node.ask(do="settle", chat=self.name)
        return self.state

    @property
    def state(self) -> dict:
        return self.node.ask(do="state", chat=self.name)

    def wait_for_text(self, text: str) -> "Chat":
        wait_until(lambda: self.text.endswith(text), f"the chat says {text!r}")
        return self

    def wait_for(self, *statuses: str) -> dict:
        return wait_until(lambda: (now := self.state)["status"] in statuses and now, f"the chat is {statuses}")

    @property
    def text(self) -> str:
        messages = self.state["messages"]
        return text_of(messages[-1]) if messages and messages[-1]["role"] == "assistant" else ""


def text_of(message: dict) -> str:
    return "".join(part["text"] for part in message["parts"] if part["type"] == "text")


@pytest.fixture(scope="module")
def _node():
    node = Node(Path(__file__).with_name("client.mjs"), PATH=os.environ["PATH"])
    yield node
    node.close()


@pytest.fixture
def open_chat(_node, stack):
    """Opens a chat: `open_chat(alice, "my-chat")`; `url` goes another way, `messages` is what its page begins with.

    With `is_mounted` it is a page of React with `useChat`, which resumes by itself.
    """

    def open_(person, id: str, *, url: str = "", is_mounted: bool = False, **options: object) -> Chat:
        chat, do = Chat(_node, f"chat-{next(_numbers)}"), "mount" if is_mounted else "open"
        _node.ask(do=do, chat=chat.name, id=id, url=url or stack.url, token=person.token, **options)
        return chat

    return open_
