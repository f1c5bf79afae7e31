"""Everything that figures are measured on: a stack as `make run` starts it, its user, and Chromium."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.browser.drivers import Drivers
from tests.harness import databases, parts
from tests.harness.processes import kill_all, temporary_directory
from tests.harness.stack import Stack, clean_env
from tests.harness.upstream import Upstream

PROGRAMS = ["chromium", "chromium-browser", "google-chrome"]  # the shell keeps no pages for Back
KEEPS_PAGES = {"ignore_default_args": ["--disable-back-forward-cache"]}
MODELS = 80


@dataclass
class Rig:
    stack: Stack
    rounds: int
    alice: object  # tests.harness.people.Person
    contexts: object  # tests.browser.window.Contexts

    @contextmanager
    def window(self, script: str = ""):
        """A window of alice's whose pages run `script` first."""
        from tests.browser.window import Window

        window = Window(self.contexts, self.stack.url, self.alice)
        window.context.add_init_script(script)
        try:
            yield window
        finally:
            window.close()


@contextmanager
def open_rig(rounds: int) -> Iterator[Rig]:
    """A running rig; everything is killed at the end."""
    drivers = Drivers()
    try:
        stack = _start_stack()
        with stack.in_use(), drivers.in_use():
            yield _furnish(stack, rounds, drivers)
    finally:
        drivers.close()
        kill_all()


def _start_stack() -> Stack:
    part, url = parts.make_upstream(temporary_directory("upstream"), clean_env())
    part.start()
    parts.wait_for_upstream(part)
    stack = Stack("figures", databases.make_databases("sqlite"), Upstream(url))
    os.environ |= stack.env | {"DATABASE_POOL": "0", "LOG_LEVEL": "WARNING", "DJANGO_ALLOW_ASYNC_UNSAFE": "true"}
    import django

    django.setup()
    return stack.start()


def _furnish(stack: Stack, rounds: int, drivers: Drivers) -> Rig:
    from runs.models import Model
    from tests.browser.window import Contexts

    default = Model.objects.get(is_default=True)
    Model.objects.bulk_create(
        Model(name=f"model-{number}", label=f"Model {number}", provider=default.provider, upstream_id=str(number))
        for number in range(MODELS - 1)
    )
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        raise SystemExit("The figures need Chromium (Debian: apt-get install chromium).")
    browser = drivers.browser("chromium", program, **KEEPS_PAGES)
    return Rig(stack, rounds, stack.person("alice"), Contexts(browser, "chromium"))
