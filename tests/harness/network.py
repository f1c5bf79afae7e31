"""A network of its own for a stack: each part in a network namespace with an address of its own, as on five machines.

The namespaces have no names. A process lives in each, and they, the cables between them and the switch go when these
processes end, which the undertaker sees to however the tests end.
"""

import os
import random
import shutil
import subprocess
from pathlib import Path

from tests.harness.facts import wait_until
from tests.harness.plugin import skip_forbidden, skip_missing
from tests.harness.processes import Part

RANGE = "198.18"  # reserved for such tests; nobody's network


class Network:
    """A switch and the machines on it. This process is on it, too, with the address `here`."""

    def __init__(self, directory: Path):
        check_that_it_can_be_made()
        self.directory, self._prefix = directory, f"{RANGE}.{random.randint(1, 254)}"
        self._machines: dict[str, Part] = {}
        self._switch = self._live("switch")
        self._run("switch", "ip", "link", "add", "name", "switch", "type", "bridge")
        self._run("switch", "ip", "link", "set", "switch", "up")
        self.here = f"{self._prefix}.1"
        name = f"chatapp{os.getpid() % 100_000}"
        self._plug_in(name, None)
        _ip("addr", "add", f"{self.here}/24", "dev", name)
        _ip("link", "set", name, "up")

    def add(self, name: str) -> str:
        """A new machine. Its address."""
        machine = self._live(name)
        self._plug_in("eth0", machine)
        address = f"{self._prefix}.{len(self._machines) + 10}"
        self._run(name, "ip", "addr", "add", f"{address}/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            self._run(name, "ip", "link", "set", device, "up")
        return address

    def move(self, part: Part, name: str) -> Part:
        """Let a part that is not started yet run on this machine."""
        part.argv = [*self._inside(name, part.user), *part.argv]
        part.user = None  # to enter a namespace takes root; the user is changed behind the door
        return part

    def close(self) -> None:
        for machine in self._machines.values():
            machine.kill()

    def _live(self, name: str) -> Part:
        """A process in a network namespace of its own."""
        part = Part(f"machine-{name}", ["unshare", "--net", "sleep", "infinity"], self.directory, dict(os.environ))
        self._machines[name] = part.start()
        mine = os.readlink("/proc/self/ns/net")
        wait_until(lambda: os.readlink(f"/proc/{part.pid}/ns/net") != mine, f"{name} has a namespace")
        return part

    def _plug_in(self, device: str, machine: Part | None) -> None:
        """A cable from the switch to a machine, or to where the tests run."""
        end = f"port{len(self._machines)}"
        where = ["netns", str(machine.pid)] if machine else []
        _ip("link", "add", "name", f"{end}x{os.getpid() % 10_000}", "type", "veth", "peer", "name", device, *where)
        _ip("link", "set", f"{end}x{os.getpid() % 10_000}", "netns", str(self._switch.pid), "name", end)
        self._run("switch", "ip", "link", "set", end, "master", "switch", "up")

    def _run(self, name: str, *argv: str) -> None:
        subprocess.run([*self._inside(name), *argv], check=True, capture_output=True)

    def _inside(self, name: str, user: str | None = None) -> list[str]:
        argv = ["nsenter", f"--net=/proc/{self._machines[name].pid}/ns/net"]
        return argv + (["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user else [])


def check_that_it_can_be_made() -> None:
    """Skip the present test where programs are missing, or where the kernel forbids it to this user."""
    for program in ("ip", "unshare", "nsenter", "setpriv"):
        if shutil.which(program) is None:
            skip_missing(f"{program} is not installed: no stack was spread over several addresses")
    for argv in (
        ["unshare", "--net", "true"],
        ["unshare", "--net", "ip", "link", "add", "name", "probe", "type", "bridge"],
    ):
        done = subprocess.run(argv, capture_output=True, text=True)
        if done.returncode:
            skip_forbidden(f"network namespaces ({done.stderr.strip()}): no stack was spread over several addresses")


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
