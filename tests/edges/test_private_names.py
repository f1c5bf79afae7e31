"""Private names of libraries that the product relies on: a test that fails after an upgrade says what breaks."""

import subprocess
import sys

DAPHNE = """
from daphne import http_protocol
from twisted.internet.testing import StringTransport
from twisted.web.http import HTTPChannel

channel = HTTPChannel()
channel.makeConnection(StringTransport())
channel.dataReceived(b"POST /path?query HTTP/1.1\\r\\n")
assert channel._path == b"/path?query", "HTTPChannel has no _path before the body: the limit of a body is unknown"
assert "WebRequest" in http_protocol.HTTPFactory.buildProtocol.__code__.co_names, "daphne looks up no WebRequest"
"""


def test_the_limits_of_bodies_know_the_path_before_the_body_and_the_class_of_daphnes_requests():
    """Without these names chatapp/middleware/daphne_bodies.py limits nothing: daphne spools any body to the disk."""
    ended = subprocess.run([sys.executable, "-c", DAPHNE], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
