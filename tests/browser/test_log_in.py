"""Log-ins in a browser: by a link whose token no server is sent, and while the password is being changed."""

import pytest

from chatapp.accounts.invitations import invitation_link, invite
from chatapp.accounts.links import login_link
from chatapp.accounts.models import Token
from chatapp.chats.models import Message
from tests.browser.window import expect
from tests.harness.facts import wait_until
from tests.harness.upstream import prompt, spoken

pytestmark = pytest.mark.browser

PASSWORD = "a long and quiet river"


def heard_by(page) -> list[str]:
    """All that the server is told in addresses and referrers from now on."""
    told: list[str] = []
    page.on("request", lambda request: told.append(request.url + request.headers.get("referer", "")))
    return told


def test_the_token_of_a_link_is_taken_out_of_the_address_and_sent_by_the_button(stack, alice, open_window):
    link = login_link(alice.user, stack.url)
    page, token = open_window(stack).page, link.partition("#")[2]
    told = heard_by(page)
    page.goto(link)
    expect(page).to_have_url("/login/link")
    expect(page.get_by_label("Link")).to_be_hidden()
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url("/welcome")
    expect(page.get_by_text(alice.user.username).first).to_be_visible()
    assert len(told) > 1 and not any(token in words for words in told)
    page.go_back()
    expect(page).to_have_url("/login/link")
    assert token not in page.content()
    assert page.get_by_label("Link").input_value() == ""


@pytest.mark.long  # a link is taken above
def test_a_second_link_in_the_same_tab_is_taken_too(stack, alice, open_window):
    page, link = open_window(stack).page, login_link(alice.user, stack.url)
    page.goto(f"{stack.url}/login/link#made-up")
    expect(page).to_have_url("/login/link")
    page.evaluate("link => { location.href = link }", link)
    expect(page).to_have_url("/login/link")
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url("/welcome")


@pytest.mark.long  # tests/web/test_first_run.py posts its forms
def test_an_invitation_leads_to_a_password(stack, alice, open_window):
    user, token = invite(f"invited-{alice.user.pk}")
    page = open_window(stack).page
    told = heard_by(page)
    page.goto(invitation_link(token, stack.url))
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("New password", exact=True).fill(PASSWORD)
    page.get_by_label("Confirm new password").fill(PASSWORD)
    page.get_by_role("button", name="Set password and log in").click()
    expect(page).to_have_url("/")
    expect(page.get_by_text(user.username).first).to_be_visible()
    assert not any(token in words for words in told)


@pytest.mark.long  # tests/web/test_accounts.py posts it
def test_without_javascript_the_link_is_pasted(stack, alice, open_window):
    page, link = open_window(stack, java_script_enabled=False).page, login_link(alice.user, stack.url)
    page.goto(link)
    page.get_by_label("Link").fill(link)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text(alice.user.username).first).to_be_visible()


@pytest.mark.long  # tests/browser_units/streams.test.mjs: a new password renews the cookie
def test_where_the_password_was_changed_the_open_pages_go_on(stack, alice, make_web, open_window):  # B55
    """A change of the password gives the browser a new cookie; the socket of another tab still had the old one."""
    window, text = open_window(make_web(STREAMS_HEARTBEAT_SECONDS="0.3"), alice), prompt(tokens=9, hold=[4])
    sockets: list = []
    window.page.on("websocket", lambda socket: sockets.append(socket))
    window.tab.start(text)
    window.tab.expect_answer(spoken(4))
    before = len(sockets)
    form = window.new_tab().page
    form.goto("/settings/security")
    form.get_by_label("New password", exact=True).fill(PASSWORD)
    form.get_by_label("Confirm new password").fill(PASSWORD)
    form.get_by_role("button", name="Set password").click()
    expect(form.get_by_text("Password changed.")).to_be_visible()
    wait_until(lambda: form.wait_for_timeout(50) or len(sockets) > before, "the socket is opened anew")
    stack.upstream.release(text.tag)
    window.tab.expect_state("complete")
    window.tab.expect_answer(spoken(9))
    expect(window.page.locator("[data-connection]")).to_be_hidden()


@pytest.fixture
def with_password(alice):
    alice.user.set_password(PASSWORD)
    alice.user.save()
    return alice


def log_in_again(tab, person) -> None:
    tab.page.get_by_label("Username").fill(person.user.username)
    tab.page.get_by_label("Password").fill(PASSWORD)
    tab.page.get_by_role("button", name="Log in").click()


@pytest.mark.each_engine
def test_what_is_sent_after_the_log_in_expired_is_kept(stack, with_password, open_window):  # B83
    window = open_window(stack, with_password, expected="401")
    tab, file = window.tab, {"name": "plan.md", "mimeType": "text/markdown", "buffer": b"# Plan"}
    chips = tab.page.get_by_role("list", name="Attached files").get_by_role("listitem")
    # In the form of a new chat and in that of a chat the text stays in this browser.
    tab.page.goto("/")
    window.cookies_expire()
    tab.page.get_by_label("Attach files").set_input_files([file])
    expect(chips).to_have_count(1)
    text = prompt("A first thought", tokens=3)
    tab.send(text)
    expect(tab.page.get_by_role("alert")).to_have_text("You’re logged out. Log in – your text is saved.")
    tab.page.get_by_role("alert").get_by_role("link", name="Log in").click()
    log_in_again(tab, with_password)
    expect(tab.field).to_have_value(text)
    expect(chips).to_have_text(["plan.md · 6 B×"])
    tab.send_button.click()
    tab.wait_for_session()
    tab.expect_answer(spoken(3))
    window.cookies_expire()
    tab.page.get_by_label("Attach files").set_input_files([file])
    text = prompt("A second thought", tokens=4)
    tab.send(text)
    expect(tab.page.get_by_role("alert")).to_have_text("You’re logged out. Log in – your text is saved.")
    expect(tab.field).to_have_value(text)
    tab.page.get_by_role("alert").get_by_role("link", name="Log in").click()
    log_in_again(tab, with_password)
    expect(tab.field).to_have_value(text)
    expect(chips).to_have_count(1)
    tab.send_button.click()
    tab.expect_answer(spoken(4))
    expect(chips).to_have_count(0)
    tab.page.reload()
    expect(tab.field).to_have_value("")
    expect(chips).to_have_count(0)
    sent = Message.objects.filter(session__owner=with_password.user, role="user")
    assert [message.attachments.get().text for message in sent] == ["# Plan", "# Plan"]


@pytest.mark.long  # tests/web/test_invitations.py reads the page
def test_what_is_shown_once_is_copied_from_the_top_of_the_page(stack, alice, open_window):
    window = open_window(stack, alice, permissions=["clipboard-read", "clipboard-write"])
    page = window.page
    page.goto("/settings/developers")
    page.get_by_label("Name").last.fill("backup")
    page.get_by_role("button", name="Create token").click()
    field = page.get_by_label("Token “backup”. Copy it now")
    expect(field).to_be_focused()
    expect(field).to_be_in_viewport()
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == field.input_value()
    page.reload()
    expect(field).to_have_count(0)
    assert Token.objects.filter(user=alice.user, name="backup").count() == 1
