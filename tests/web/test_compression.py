"""Pages travel compressed; event streams, and what is no page, do not."""

import gzip

from django.http import HttpResponse, StreamingHttpResponse
from django.test import RequestFactory

from chatapp.web.shell.assets import PageCompression

GZIP = {"headers": {"Accept-Encoding": "gzip, br"}}


def test_a_page_is_compressed_for_who_understands_it(browser):
    plain, small = browser.get("/"), browser.get("/", **GZIP)
    assert "Content-Encoding" not in plain.headers
    assert small.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in small.headers["Vary"]
    assert len(small.content) < len(plain.content) / 2
    assert b"</html>" in gzip.decompress(small.content)


def test_the_compressed_length_tells_nothing(browser):  # BREACH
    assert len({len(browser.get("/", **GZIP).content) for _ in range(8)}) > 1


def test_an_event_stream_is_not_compressed():
    request = RequestFactory().get("/", **GZIP)
    for response in (
        StreamingHttpResponse([b"data: x\n\n" * 100], content_type="text/event-stream"),
        HttpResponse(b"data: x\n\n" * 100, content_type="text/event-stream"),
    ):
        assert "Content-Encoding" not in PageCompression(lambda _, r=response: r)(request).headers
