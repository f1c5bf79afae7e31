"""A body that is too large or too slow is refused before it lies on a disk, and before anybody asks who sends it."""

import asyncio
import errno
import os
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from django.test import Client

from chatapp.middleware.body_limits import SMALL_BYTES, most_bytes, most_bytes_of_strangers
from chatapp.middleware.bounded_bodies import BoundedBodies
from tests.harness import parts
from tests.harness.processes import temporary_directory
from tests.harness.stack import clean_env

MEGABYTE = 1024**2
SHAPES = {  # path: what its refusals look like
    "/login": b"This request is too large",
    "/api/v1/sessions": b'"code": "body_too_large"',
    "/v1/responses": b'"code": "body_too_large"',
    "/api/v1/files": b'"code": "body_too_large"',
    "/v1/files": b'"code": "body_too_large"',
    "/chats/0198c0de-5d1e-7c3a-9a51-5a3c2f6f9a10/messages": b"This request is too large",
}


def ask(
    path: str, *parts: bytes, length: int | str | None = None, silent: bool = False, application=None
) -> tuple[int, bytes, int]:
    """Status, body, and how many bytes an application that reads everything has been given."""
    headers = [] if length is None else [(b"content-length", str(length).encode())]
    messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    if not silent:
        messages.append({"type": "http.request", "body": b"", "more_body": False})
    sent, read = [], 0

    async def reader(scope, receive, send) -> None:
        nonlocal read
        while (message := await receive()).get("more_body"):
            read += len(message["body"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def receive() -> dict:
        return messages.pop(0) if messages else await asyncio.Event().wait()

    async def send(message: dict) -> None:
        sent.append(message)

    asyncio.run(
        BoundedBodies(application or reader)(
            {"type": "http", "path": path, "query_string": b"", "headers": headers}, receive, send
        )
    )
    return sent[0]["status"], sent[1]["body"], read


@pytest.mark.parametrize("path", SHAPES)
def test_what_is_announced_too_large_is_not_read_at_all(path):
    status, body, read = ask(path, b"x", length=most_bytes(path) + 1)
    assert (status, read) == (413, 0)
    assert SHAPES[path] in body


@pytest.mark.parametrize("path", SHAPES)
def test_what_grows_too_large_is_read_no_further(path, monkeypatch):
    async def check_sender(cookie: bytes, authorization: bytes) -> None:
        """The sender is known."""

    monkeypatch.setattr("chatapp.middleware.bounded_bodies.check_sender", check_sender)
    piece = b"x" * 65_536
    status, body, read = ask(path, *[piece] * (most_bytes(path) // len(piece) + 9))
    assert status == 413
    assert SHAPES[path] in body
    assert read <= most_bytes(path)


STRANGERS = {  # path: what a stranger is told
    "/chats": b"logged out",
    "/chats/0198c0de-5d1e-7c3a-9a51-5a3c2f6f9a10/messages": b"logged out",
    "/v1/files": b'"code": "invalid_api_key"',
    "/api/v1/files": b'"code": "not_authenticated"',
}


@pytest.mark.parametrize("path", STRANGERS)
def test_what_a_stranger_announces_is_not_read(path):
    status, body, read = ask(path, b"x", length=most_bytes(path))
    assert (status, read) == (401, 0)
    assert STRANGERS[path] in body


@pytest.mark.parametrize("path", STRANGERS)
def test_what_a_stranger_sends_in_pieces_is_read_as_far_as_a_message_goes(path):
    piece = b"x" * 65_536
    status, body, read = ask(path, *[piece] * (most_bytes(path) // len(piece)))
    assert status == 401
    assert STRANGERS[path] in body
    assert read <= most_bytes_of_strangers(path)


def test_what_is_exactly_as_large_as_it_may_be_is_read():
    assert ask("/login", b"x" * SMALL_BYTES, length=SMALL_BYTES) == (200, b"", SMALL_BYTES)


@pytest.mark.parametrize("length", ["-1", "٣", "1, 2", "", "1e3", "0x10"])
def test_a_length_that_is_none_is_refused(length):
    status, body, read = ask("/api/v1/sessions", b"x", length=length)
    assert (status, read) == (400, 0)
    assert b'"code": "bad_request"' in body


def test_a_body_that_does_not_come_is_not_waited_for_for_ever(settings):
    settings.REQUEST_SECONDS = 0.05
    status, body, _ = ask("/api/v1/sessions", b"x", silent=True)
    assert status == 408
    assert b'"code": "body_too_slow"' in body


@pytest.mark.parametrize(
    "path", ["/admin/login/", "/login/link", "/invitation", "/settings", "/static/x", "/nowhere", "/"]
)
def test_who_has_no_message_to_send_may_send_little(path):
    assert most_bytes(path) == SMALL_BYTES


def test_a_disk_without_room_for_a_body_is_said():
    async def application(scope, receive, send) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    assert ask("/api/v1/files", b"x", application=application)[:1] == (507,)


# -- with real servers ----------------------------------------------------------------------------


class Server:
    """A web server with nothing behind it: what is refused here needs no database."""

    def __init__(self, kind: str, **env: str) -> None:
        directory = temporary_directory(f"bodies-{kind}")
        env = clean_env(DATA_DIR=str(directory), REDIS_URL="redis://127.0.0.1:1/0", REQUEST_SECONDS="3", **env)
        self.part, url = parts.make_web(kind, directory, env)
        self.part.start()
        parts.wait_for_web(self.part, url)
        self.address = ("127.0.0.1", int(url.rpartition(":")[2]))

    def flood(self, path: str, framing: str, piece: bytes, pieces: int) -> bytes:
        """Send all of it, or until the server closes; what it has answered."""
        request = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\n{framing}\r\n\r\n"
        with closing(socket.create_connection(self.address, timeout=30)) as connection:
            try:
                connection.sendall(request.encode())
                for _ in range(pieces):
                    connection.sendall(piece)
            except OSError:  # it has closed
                pass
            return received(connection)

    @property
    def memory(self) -> int:
        """Bytes that the process holds."""
        with open(f"/proc/{self.part.process.pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    @property
    def spooled(self) -> int:
        """Bytes in files that it has open and that have no name, as those for bodies."""
        descriptors, total = f"/proc/{self.part.process.pid}/fd", 0
        for name in os.listdir(descriptors):
            try:
                if os.readlink(f"{descriptors}/{name}").endswith("(deleted)"):
                    total += os.stat(f"{descriptors}/{name}").st_size
            except OSError:  # closed meanwhile
                continue
        return total


def received(connection: socket.socket) -> bytes:
    answer = b""
    try:
        while part := connection.recv(65_536):
            answer += part
    except OSError:
        pass
    return answer


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def server(request):
    server = Server(request.param)
    yield server
    server.part.kill()


FRAMINGS = {
    "announced": ("Content-Length: 2147483648", b"x" * 65_536),
    "in pieces": ("Transfer-Encoding: chunked", b"10000\r\n" + b"x" * 65_536 + b"\r\n"),
}

STRANGERS_FRAMINGS = FRAMINGS | {"announced": ("Content-Length: 50000000", b"x" * 65_536)}


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("path", ["/login", "/v1/responses"])
def test_two_gigabytes_are_refused_while_they_come(server, path, framing):
    """300 MB of them lay on daphne's disk before the application was called."""
    before = server.memory
    answer = server.flood(path, *FRAMINGS[framing], 50 * MEGABYTE // 65_536)
    is_stranger = framing == "in pieces" and path != "/login"  # noticed before it is too large
    assert answer.startswith(b"HTTP/1.1 401 " if is_stranger else b"HTTP/1.1 413 ")
    assert (STRANGERS["/v1/files"] if is_stranger else SHAPES[path]) in answer.partition(b"\r\n\r\n")[2]
    assert server.memory - before < 20 * MEGABYTE


@pytest.mark.parametrize("framing", FRAMINGS)
def test_many_at_once_leave_nothing_on_the_disk_and_stop_nobody(server, framing):
    before, largest = server.memory, []
    with ThreadPoolExecutor(24) as pool:
        flooding = [pool.submit(server.flood, "/invitation", *FRAMINGS[framing], 80) for _ in range(24)]
        while not largest or not all(each.done() for each in flooding):
            largest.append(server.spooled)
            assert b" 200 OK" in get(server, "/healthz")
    assert [each.result()[:13] for each in flooding] == [b"HTTP/1.1 413 "] * 24
    assert max(largest) <= 24 * SMALL_BYTES
    assert server.memory - before < 60 * MEGABYTE


@pytest.mark.parametrize("path", ["/chats", "/v1/files"])
@pytest.mark.parametrize("framing", STRANGERS_FRAMINGS)
def test_fifty_megabytes_of_a_stranger_are_refused_before_they_lie_on_the_disk(server, path, framing):
    largest = []
    with ThreadPoolExecutor(4) as pool:
        args = (path, *STRANGERS_FRAMINGS[framing], 50 * MEGABYTE // 65_536)
        flooding = [pool.submit(server.flood, *args) for _ in range(4)]
        while not largest or not all(each.done() for each in flooding):
            largest.append(server.spooled)
    for each in flooding:
        assert each.result().startswith(b"HTTP/1.1 401 ")
        assert STRANGERS[path] in each.result()
    most = 0 if framing == "announced" else most_bytes_of_strangers(path)
    assert max(largest) <= 4 * (most + 2 * 65_536), "and what was on its way meanwhile"


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of 512 KB. Only root may mount one."""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", tmp_path], capture_output=True)
    if mounted.returncode:
        pytest.skip("no small disk can be mounted here")
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=True)


def test_a_body_that_fills_the_disk_is_refused_and_takes_no_room(small_disk):
    server = Server("daphne", TMPDIR=str(small_disk))
    try:
        answer = server.flood("/chats", "Content-Length: 1048576", b"x" * 65_536, 16)
        assert answer.startswith(b"HTTP/1.1 507 ") and "can’t be stored".encode() in answer
        assert os.statvfs(small_disk).f_bfree == os.statvfs(small_disk).f_blocks
        assert b" 200 OK" in get(server, "/healthz")
    finally:
        server.part.kill()


def get(server: Server, path: str) -> bytes:
    with closing(socket.create_connection(server.address, timeout=30)) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        return received(connection)


def test_a_body_that_trickles_is_refused(server):
    """With REQUEST_SECONDS of 3."""
    answer = server.flood("/v1/responses", "Content-Length: 100", b"x", 3)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"body_too_slow" in answer


def test_a_small_request_gets_through_and_so_does_the_next_on_its_connection(server):
    request = b"POST /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3\r\n\r\nabc"
    last = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    with closing(socket.create_connection(server.address, timeout=30)) as connection:
        connection.sendall(request + last)
        answers = received(connection)
    assert answers.count(b"HTTP/1.1 403 ") == 1
    assert answers.count(b"HTTP/1.1 200 ") == 1


def test_an_answer_to_a_bad_request_has_nothing_of_an_earlier_one(db):
    """The answers were kept, and middleware wrote one person's cookies and encoding into them for all who came later.

    While the secret key was changed, a renewed session went to whoever sent the next bad request.
    """
    bad = "/login?" + "&".join(["a"] * 1_100)
    theirs = Client(headers={"Accept-Encoding": "gzip", "Cookie": "chatapp_session=x; csrftoken=bad"})
    assert theirs.get(bad).status_code == 400
    ours = Client().get(bad)
    assert ours.status_code == 400
    assert not ours.cookies
    assert "Content-Encoding" not in ours
    assert int(ours["Content-Length"]) == len(ours.content)
