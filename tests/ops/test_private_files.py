"""What a site writes is for its own user only, whatever umask the shell had that started it."""

import json
import os
import stat
import subprocess
import sys

import pytest

from chatapp.ops.private_files import make_private
from tests.harness.processes import ROOT
from tests.harness.stack import clean_env


def run(umask: str, data, code: str, **values) -> subprocess.CompletedProcess:
    """A process of its own that begins with this umask."""
    env = clean_env(DATA_DIR=str(data), **values)
    argv = ["sh", "-c", f'umask {umask}; exec "$@"', "sh", sys.executable, "-c", code]
    return subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=True)


def open_to_others(directory) -> list[str]:
    paths = [directory, *directory.rglob("*")]
    return [str(path.relative_to(directory)) for path in paths if path.stat().st_mode & 0o077]


MAKE_ALL = """
import django; django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from django.db import connection
connection.cursor().execute("CREATE TABLE kept (n)")  # while this is open, so are -wal and -shm
from django.conf import settings
from chatapp.ops.part_logs import Logs
logs = Logs(settings.DATA_DIR / "log"); logs.write("web", b"a line"); logs.close()
from celery.beat import PersistentScheduler
from chatapp.celery import app
PersistentScheduler(app, schedule_filename=app.conf.beat_schedule_filename).close()
import json
paths = [settings.DATA_DIR, *settings.DATA_DIR.rglob("*")]
print(json.dumps({path.name: oct(path.stat().st_mode & 0o777) for path in paths if path.exists()}))
"""


@pytest.mark.parametrize("umask", ["000", pytest.param("022", marks=pytest.mark.long)])
def test_whatever_the_umask_what_is_written_is_private(tmp_path, umask):
    data = tmp_path / "data"
    done = run(umask, data, MAKE_ALL, SECRET_KEY="", DATABASE_URL=f"sqlite:///{data / 'chatapp.sqlite3'}")
    modes = json.loads(done.stdout.splitlines()[-1])
    assert {"data", "secret_key", "chatapp.sqlite3", "chatapp.sqlite3-wal", "chatapp.sqlite3-shm"} <= modes.keys()
    assert {"log", "web.log"} <= modes.keys() and any(name.startswith("celerybeat-schedule") for name in modes)
    assert {mode for name, mode in modes.items() if name in ("data", "log")} == {"0o700"}
    assert {mode for name, mode in modes.items() if name not in ("data", "log")} == {"0o600"}


def test_what_an_earlier_version_left_open_is_closed_at_the_next_start_and_said_once(tmp_path):
    data = tmp_path / "data"
    files = ["secret_key", "chatapp.sqlite3", "chatapp.sqlite3-wal", "log/web.log.1", "valkey/appendonlydir/a.aof"]
    for name in [*files, "celerybeat-schedule.db", "static/page.css", "photo.jpg"]:
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).touch()
    for path in [data, *data.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    (data / "secret_key").write_text("a key")
    errors = [run("022", data, "import django; django.setup()", SECRET_KEY="").stderr for _ in range(2)]
    # It should leave alone what is no secret, and what is not ours.
    assert set(open_to_others(data)) == {"static", "static/page.css", "photo.jpg"}
    assert "Other users could read" in errors[0] and str(data / "secret_key") in errors[0]
    assert "Other users could read" not in errors[1]


def test_a_directory_that_all_users_share_and_the_target_of_a_link_are_left_alone(tmp_path):
    shared, elsewhere = tmp_path / "shared", tmp_path / "elsewhere"
    shared.mkdir()
    shared.chmod(0o1777)
    elsewhere.touch(mode=0o644)
    elsewhere.chmod(0o644)
    (shared / "secret_key").symlink_to(elsewhere)
    assert make_private(shared, None) == []
    assert stat.S_IMODE(shared.stat().st_mode) == 0o1777
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o644


def test_a_database_elsewhere_is_closed_with_its_log(tmp_path):
    database = tmp_path / "elsewhere.db"
    for path in (database, tmp_path / "elsewhere.db-wal", tmp_path / "elsewhere.db-shm"):
        path.touch()
        os.chmod(path, 0o666)
    assert len(make_private(tmp_path / "data", database)) == 3
    assert stat.S_IMODE(database.stat().st_mode) == 0o600
