"""The modules that a page's script consists of: named in the page, so that they are fetched at once and not in turn."""

import re
from functools import cache
from pathlib import PurePosixPath

from django import template
from django.contrib.staticfiles import finders
from django.templatetags.static import static
from django.utils.html import format_html_join

register = template.Library()

IMPORT = re.compile(r'^import [^;]*?"(\.[^"]+)";', re.MULTILINE)


@register.simple_tag
def preloads(entry: str) -> str:
    """A preload for every module that `entry` imports, and those that they import."""
    return format_html_join("\n", '<link rel="modulepreload" href="{}">', [[static(name)] for name in imported(entry)])


@cache
def imported(entry: str) -> tuple[str, ...]:
    """The names of the static files that a module needs, without its own; read from the sources, once a process."""
    found, waiting = [], [entry]
    while waiting:
        for name in _imports(waiting.pop()):
            if name not in found:
                found.append(name)
                waiting.append(name)
    return tuple(found)


def _imports(name: str) -> list[str]:
    path = finders.find(name)
    if path is None or name.endswith(".min.js"):
        return []
    with open(path, encoding="utf-8") as file:
        return [_resolve(name, relative) for relative in IMPORT.findall(file.read())]


def _resolve(name: str, relative: str) -> str:
    parts: list[str] = list(PurePosixPath(name).parent.parts)
    for step in PurePosixPath(relative).parts:
        parts = parts[:-1] if step == ".." else [*parts, step]
    return "/".join(part for part in parts if part != ".")
