"""The process's own loop, in a native thread beside gevent's greenlets."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.one_database


def test_greenlets_and_the_native_loop_log_at_the_same_time():  # B6
    ended = subprocess.run([sys.executable, "-m", "tests.streams.two_loggers"], capture_output=True, timeout=120)
    assert ended.returncode == 0, ended.stderr.decode()
