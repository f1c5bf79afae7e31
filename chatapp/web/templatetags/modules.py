"""`{% preloads "entry.js" %}`: preload links for all modules a script imports, so they load in parallel."""

import posixpath
import re
from functools import cache

from django import template
from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage, staticfiles_storage
from django.templatetags.static import static
from django.utils.html import format_html_join

register = template.Library()

IMPORT = re.compile(r'(?:^|;)import\b[^;"]*"(\.[^"]+)"', re.MULTILINE)


@register.simple_tag
def preloads(entry: str) -> str:
    """A preload link for every module that `entry` imports, directly or not."""
    return format_html_join("\n", '<link rel="modulepreload" href="{}">', [[url] for url in imported_urls(entry)])


@cache
def imported_urls(entry: str) -> tuple[str, ...]:
    """The URLs that a module imports, directly or not; read from the files once per process."""
    urls: list[str] = []
    pending = [static(entry)]
    while pending:
        for url in _imports(pending.pop()):
            if url not in urls:
                urls.append(url)
                pending.append(url)
    return tuple(urls)


def _imports(url: str) -> list[str]:
    name = url.removeprefix(settings.STATIC_URL)
    is_collected = isinstance(staticfiles_storage, ManifestStaticFilesStorage)
    path = staticfiles_storage.path(name) if is_collected else finders.find(name)
    if path is None or name.endswith(".min.js"):
        return []
    with open(path, encoding="utf-8") as file:
        return [_resolve(url, relative) for relative in IMPORT.findall(file.read())]


def _resolve(url: str, relative: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(url), relative))
