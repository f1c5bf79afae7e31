"""What holds for all pages: the security policy, error pages, caching."""

import html
import re
from pathlib import Path

import pytest
from django.template.loader import render_to_string
from django.test import Client

import chatapp.web
from runs.lifecycle import transitions

WEB = Path(chatapp.web.__file__).parent
INLINE = re.compile(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", re.IGNORECASE)


def words(response) -> str:
    """The text of a page."""
    return html.unescape(re.sub(r"<[^>]+>", "", response.content.decode()))


@pytest.fixture
def pages(browser, log_in, ask, write):
    run = write(ask(), "```python\nx = 1\n```\n\n| a |\n|---|\n| 1 |")
    active = browser.get(f"/chats/{run.session_id}")
    transitions.complete(run.id, "stop")
    nobody = log_in(None)
    return [
        browser.get("/"),
        active,
        browser.get(f"/chats/{run.session_id}"),
        browser.get("/nowhere"),
        nobody.get("/login"),
        nobody.get("/login/link"),
    ]


def test_no_page_holds_inline_scripts_or_styles(pages):
    for response in pages:
        assert not INLINE.search(response.content.decode())


def test_every_page_has_the_strict_policy_language_title_and_one_heading(pages):
    for response in pages:
        policy = [part.split() for part in response.headers["Content-Security-Policy"].split(";")]
        sources = {directive: set(places) for directive, *places in policy}
        assert (sources["default-src"], sources["script-src"]) == ({"'none'"}, {"'self'"})
        assert set().union(*sources.values()) <= {"'none'", "'self'", "data:"}
        assert [directive for directive, places in sources.items() if "data:" in places] == ["img-src"]
        page = response.content.decode()
        assert '<html lang="en">' in page
        assert re.search(r"<title>[^<]+ – chatapp</title>", page)
        assert page.count("<h1") == 1


def test_all_modules_are_fetched_at_once(browser):
    """They import each other four deep: without the preloads that is four ways to the server, one after the other."""
    page = browser.get("/").content.decode()
    preloaded = set(re.findall(r'<link rel="modulepreload" href="/static/([^"]+)">', page))
    paths = [path for room in ("shell", "chat") for path in (WEB / room / "static").glob("*.js")]
    own = {f"{path.parts[-3]}/{path.name}" for path in paths}
    assert preloaded == own - {"shell/page.js", "chat/lexer.js"}  # the latter is loaded when code is to be coloured


def test_pages_are_private_and_may_come_back_with_the_back_button(browser):
    cache = browser.get("/").headers["Cache-Control"]
    assert "private" in cache
    assert "no-cache" in cache
    assert "no-store" not in cache


def test_an_address_for_forms_has_a_page_when_it_is_opened(browser, ask):
    for path in ("/chats", f"/chats/{ask().session_id}/title", "/settings/tokens", "/logout"):
        response = browser.get(path)
        assert (response.status_code, response["Content-Type"].partition(";")[0]) == (405, "text/html")
        assert "This page can’t be opened" in words(response)
        assert "POST" in response["Allow"]


def test_what_does_not_exist_has_a_page_that_leads_home(browser):
    response = browser.get("/nowhere")
    assert response.status_code == 404
    assert 'href="/"' in response.content.decode()


def test_a_form_from_an_outdated_page_says_what_to_do(alice):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    response = client.post("/chats", {"text": "Hi"})
    assert response.status_code == 403
    assert "This page has expired" in words(response)


def test_a_message_beyond_all_bounds_is_refused_with_a_page(browser):
    response = browser.post("/chats", {"text": "x" * 3_000_000})
    assert response.status_code == 413
    assert "your text is still there" in words(response)


@pytest.mark.parametrize("name", ["400", "403", "500"])
def test_error_pages_stand_without_a_request(name):
    assert 'href="/"' in render_to_string(f"{name}.html")
