"""A file is served to its owner only, as a download that no browser runs, in parts if asked."""

import pytest
from django.test import Client

pytestmark = pytest.mark.one_database


@pytest.fixture
def asked(alice, upload, folder):
    """`asked(Range="bytes=0-1")`: alice's answer for a file of ten digits."""
    file = upload(alice, b"0123456789", "dig\u00ed ts.svg")
    client = Client()
    client.force_login(alice)

    def asked_(method="get", **headers):
        return getattr(client, method)(f"/files/{file.pk}", headers=headers)

    return asked_


def body(response) -> bytes:
    return b"".join(response.streaming_content)


def test_a_file_is_a_download_that_no_browser_runs(asked):  # B69
    response = asked()
    assert body(response) == b"0123456789"
    assert response["Content-Type"] == "application/octet-stream"
    assert response["Content-Disposition"] == "attachment; filename*=utf-8''dig%C3%AD%20ts.svg"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    assert response["Cache-Control"] == "private, max-age=31536000, immutable"


@pytest.mark.parametrize("person", ["bob", "charlie"])
def test_another_users_file_does_not_exist(asked, person, request):  # B55
    path = asked().request["PATH_INFO"]
    client = Client()
    client.force_login(request.getfixturevalue(person))
    assert client.get(path).status_code == 404
    assert Client().get(path).url.startswith("/login?next=")


@pytest.mark.parametrize(
    ("named", "part", "place"),
    [
        ("bytes=0-3", b"0123", "0-3"),
        ("bytes=7-", b"789", "7-9"),
        ("bytes=-2", b"89", "8-9"),
        ("bytes=8-99", b"89", "8-9"),
        ("bytes=-99", b"0123456789", None),
        ("bytes=5-2", b"0123456789", None),
        ("bytes=0-1,4-5", b"0123456789", None),
        ("lines=1-2", b"0123456789", None),
        ("bytes=-", b"0123456789", None),
    ],
)
def test_a_part_is_served(asked, named, part, place):
    response = asked(Range=named)
    assert body(response) == part
    assert response["Content-Length"] == str(len(part))
    assert response.status_code == (206 if place else 200)
    assert response.headers.get("Content-Range") == (f"bytes {place}/10" if place else None)


@pytest.mark.parametrize("named", ["bytes=10-", "bytes=-0", "bytes=99999999999999999-"])
def test_a_part_that_is_not_there_is_416(asked, named):
    response = asked(Range=named)
    assert (response.status_code, response["Content-Range"]) == (416, "bytes */10")


def test_what_the_browser_has_is_not_sent_again(asked):
    etag = asked()["ETag"]
    assert asked(**{"If-None-Match": etag}).status_code == 304
    assert asked(**{"If-None-Match": '"other"'}).status_code == 200
    assert asked(Range="bytes=0-1", **{"If-Range": '"other"'}).status_code == 200
    assert asked(Range="bytes=0-1", **{"If-Range": etag}).status_code == 206


def test_only_the_head_is_sent_if_that_is_asked(asked):
    response = asked("head")
    assert (response.status_code, response["Content-Length"], response.content) == (200, "10", b"")
