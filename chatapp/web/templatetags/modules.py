"""`{% preloads "entry.js" %}`: preload links for all modules a script imports, so they load in parallel."""

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
    """A preload link for every module that `entry` imports, directly or not."""
    return format_html_join("\n", '<link rel="modulepreload" href="{}">', [[static(name)] for name in imported(entry)])


@cache
def imported(entry: str) -> tuple[str, ...]:
    """The static files that a module imports, directly or not; read from the sources once per process."""
    names, pending = [], [entry]
    while pending:
        for name in _imports(pending.pop()):
            if name not in names:
                names.append(name)
                pending.append(name)
    return tuple(names)


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
