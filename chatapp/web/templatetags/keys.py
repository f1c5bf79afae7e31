"""The keyboard: one table, which the help shows and the page's script obeys."""

from dataclasses import dataclass

from django import template

register = template.Library()


@dataclass(frozen=True)
class Key:
    """`keys` as people say them; Ctrl is ⌘ as well. `act`: what the script does (keys.js); empty: nothing is needed."""

    keys: str
    meaning: str
    act: str = ""


KEYS = [
    Key("/", "Write a message", "write"),
    Key("Enter", "Send"),
    Key("Shift+Enter", "Begin a new line"),
    Key("Esc", "Stop the answer", "stop"),
    Key("Ctrl+K", "Search your chats", "search"),
    Key("Ctrl+Shift+O", "Start a new chat", "new"),
    Key("?", "Show this list", "help"),
]


@register.inclusion_tag("shell/keys.html")
def keys_help() -> dict:
    return {"keys": [(key, key.keys.split("+")) for key in KEYS]}
