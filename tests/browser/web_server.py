"""A web server of one test's own, in a stack that others use: a stack of its own would cost four times the CPU time."""

import itertools

from tests.harness import parts

_numbers = itertools.count(1)


class WebServer:
    """Daphne, on the stack's database and Valkey; it stays at its `url` when it is killed and started again."""

    def __init__(self, stack, **env: str):
        name = f"own-web-{next(_numbers)}"
        self._part, self.url = parts.make_web("daphne", stack.directory, stack.env | env, name=name)
        self.start()

    def start(self) -> None:
        self._part.start()
        parts.wait_for_web(self._part, self.url)

    def kill(self) -> None:
        self._part.kill()
