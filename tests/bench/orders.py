"""Instruments are separate processes that execute orders: one JSON line per order, one per response.

`Instrument` is the parent's end; `serve` is the child's loop, which ends when the parent does.
"""

import asyncio
import json
import subprocess
import sys

from tests.harness.processes import ROOT


class Instrument:
    """A running instrument; `module` is what it executes."""

    def __init__(self, module: str, env: dict[str, str]):
        argv = [sys.executable, "-m", module]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(argv, cwd=ROOT, env=env, **pipes)

    @property
    def pid(self) -> int:
        return self.process.pid

    def tell(self, do: str, **order) -> dict:
        """Send an order and wait for the response. Raises ConnectionError if it failed."""
        self.begin(do, **order)
        return self.answer()

    def begin(self, do: str, **order) -> None:
        self.process.stdin.write(json.dumps({"do": do, **order}) + "\n")
        self.process.stdin.flush()

    def answer(self) -> dict:
        answer = json.loads(self.process.stdout.readline() or '{"error": "the instrument has ended"}')
        if "error" in answer:
            raise ConnectionError(answer["error"])
        return answer

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


async def serve(instrument: object) -> None:
    """Execute orders from standard input, each by the method of its name, until it is closed."""
    lines = asyncio.StreamReader(limit=2**28)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        order = json.loads(line)
        try:
            answer = await getattr(instrument, order.pop("do"))(**order)
        except (OSError, TimeoutError) as error:
            answer = {"error": repr(error)}
        print(json.dumps(answer or {}), flush=True)
