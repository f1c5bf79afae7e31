"""The keyboard shortcuts: one table for the help dialog and the page's script."""

from dataclasses import dataclass

from django import template

register = template.Library()


@dataclass(frozen=True)
class Key:
    """`keys` as displayed; Ctrl also stands for ⌘. `act`: what keyboard_shortcuts.js does, if anything."""

    keys: str
    meaning: str
    act: str = ""


KEYS = [
    Key("/", "Write a message", "write"),
    Key("Enter", "Send"),
    Key("Shift+Enter", "Insert a line break"),
    Key("Esc", "Stop the answer", "stop"),
    Key("Ctrl+K", "Search your chats", "search"),
    Key("Ctrl+Shift+O", "Start a new chat", "new"),
    Key("?", "Show these shortcuts", "help"),
]


@register.inclusion_tag("shell/keys.html")
def keys_help() -> dict[str, object]:
    return {"keys": [(key, key.keys.split("+")) for key in KEYS]}
