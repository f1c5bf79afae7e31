"""The settings page: what one chooses, the password, tokens."""

import re

import pytest
from django.utils import timezone

from chatapp.accounts.models import Token
from chatapp.chats.models import Preferences
from runs.models import Model, Provider
from tests.web.test_frame import words

PASSWORD, OTHER = "a long and quiet river", "a short and noisy brook"


@pytest.fixture
def tiny(model):
    return Model.objects.create(name="tiny", label="Tiny", provider=Provider.objects.get(), upstream_id="t")


@pytest.fixture
def save(browser):
    """Post the first form of the page, as it is sent by default but for the given values; a value None is left out."""

    def save(**values):
        form = {"name": "", "theme": "system", "model": ""} | values
        return browser.post("/settings", {name: value for name, value in form.items() if value is not None})

    return save


def test_who_has_chosen_nothing_has_the_defaults_and_no_row(browser, alice):
    page = browser.get("/settings").content.decode()
    assert '<meta name="color-scheme" content="light dark">' in page
    assert "data-notifies" not in page
    assert not Preferences.objects.exists()


@pytest.mark.parametrize(("theme", "scheme"), [("light", "light"), ("dark", "dark"), ("system", "light dark")])
def test_the_theme_is_that_of_every_page(theme, scheme, browser, save, ask):
    assert save(theme=theme).url == "/settings"
    for path in ("/", "/settings", f"/chats/{ask().session_id}", "/archive"):
        assert f'<meta name="color-scheme" content="{scheme}">' in browser.get(path).content.decode()


def test_the_name_is_how_the_site_calls_one(browser, save):
    save(name="Alice <Liddell>")
    assert ">Alice &lt;Liddell&gt;</span>" in browser.get("/").content.decode()
    save(name="")
    assert ">alice</span>" in browser.get("/").content.decode()


def test_the_model_is_the_one_that_new_chats_begin_with(browser, save, tiny):
    save(model="tiny")
    assert '<option value="tiny" selected>' in browser.get("/").content.decode()
    Model.objects.filter(pk=tiny.pk).update(enabled=False)
    assert browser.get("/").status_code == 200  # then it is the site's default
    assert browser.get("/settings").status_code == 200


def test_notifications_are_off_until_asked_for(browser, save):
    save(notifies="on")
    assert "data-notifies" in browser.get("/").content.decode()
    save()
    assert "data-notifies" not in browser.get("/").content.decode()


@pytest.mark.parametrize("wrong", [{"theme": "pink"}, {"theme": None}, {"model": "unknown"}, {"name": "x" * 151}])
def test_what_cannot_be_chosen_is_told_and_not_saved(wrong, browser, save, alice):
    response = save(**wrong)
    assert response.status_code == 422
    assert 'class="error"' in response.content.decode()
    alice.refresh_from_db()
    assert (alice.first_name, Preferences.objects.exists()) == ("", False)


def test_what_one_chooses_is_ones_own(save, bob, log_in):
    save(theme="dark", name="Alice")
    page = log_in(bob).get("/").content.decode()
    assert 'content="light dark"' in page
    assert ">bob</span>" in page


# -- password -------------------------------------------------------------------------------------


@pytest.fixture
def with_password(alice):
    alice.set_password(PASSWORD)
    alice.save(update_fields=["password"])
    return alice


def test_the_password_is_changed_here_and_ends_other_log_ins(with_password, log_in):
    here, elsewhere = log_in(with_password), log_in(with_password)
    form = {"old_password": PASSWORD, "new_password1": OTHER, "new_password2": OTHER}
    assert here.post("/settings/password", form).url == "/settings/security"
    assert "Password changed." in words(here.get("/settings/security"))
    assert elsewhere.get("/").status_code == 302
    with_password.refresh_from_db()
    assert with_password.check_password(OTHER)


@pytest.mark.parametrize(
    "form",
    [
        {"old_password": "wrong", "new_password1": OTHER, "new_password2": OTHER},
        {"old_password": PASSWORD, "new_password1": OTHER, "new_password2": "another"},
        {"old_password": PASSWORD, "new_password1": "12345678", "new_password2": "12345678"},
        {},
    ],
)
def test_a_password_that_cannot_be_is_refused(form, with_password, log_in):
    response = log_in(with_password).post("/settings/password", form)
    assert response.status_code == 422
    assert 'class="error"' in response.content.decode()
    with_password.refresh_from_db()
    assert with_password.check_password(PASSWORD)


def test_the_page_opens_at_its_top(with_password, log_in):
    page = log_in(with_password).get("/settings/security").text
    assert "old_password" in page
    assert "autofocus" not in page


@pytest.mark.parametrize(
    ("path", "form", "field"),
    [
        ("", {"theme": "pink"}, "id_theme"),
        ("/password", {"old_password": "wrong", "new_password1": OTHER, "new_password2": OTHER}, "id_old_password"),
        ("/password", {"old_password": PASSWORD, "new_password1": OTHER, "new_password2": "x"}, "id_new_password2"),
        ("/tokens", {"name": "x", "scope": "read", "days": "1000"}, "token_days"),
        ("/invitations", {"username": "charlie"}, "id_username"),
        ("/webhooks", {"url": "nowhere", "ends": "completed"}, "id_url"),
    ],
)
def test_what_is_wrong_stands_at_the_top_and_its_first_field_has_the_focus(path, form, field, charlie, log_in):
    """The page opened at its top, and what was wrong was two screens further down."""
    charlie.set_password(PASSWORD)
    charlie.save(update_fields=["password"])
    page = log_in(charlie).post(f"/settings{path}", form).text
    notice = page.index(f'<a href="#{field}">')
    assert page.index('role="alert"') < notice < page.index("<form", page.index("<main"))
    assert re.findall(r"<[^>]* autofocus[^>]*>", page) == re.findall(rf'<[^>]* id="{field}"[^>]*>', page)


@pytest.mark.parametrize(
    ("path", "form", "shown"),
    [
        ("/tokens", {"name": "x", "scope": "read", "days": "30"}, "new-token"),
        ("/invitations", {"username": "dora"}, "invitation"),
        ("/webhooks", {"url": "https://example.org/", "ends": "completed"}, "secret"),
    ],
)
def test_what_is_shown_once_is_at_the_top_with_the_focus(path, form, shown, charlie, log_in):
    client = log_in(charlie)
    response = client.post(f"/settings{path}", form)
    assert response.status_code == 302
    assert "no-store" in response["Cache-Control"]
    address = response.url
    response = client.get(address)
    page = response.text
    assert "no-store" in response["Cache-Control"]
    place = page.index(f'id="{shown}"')
    assert page.index('role="status"') < place < page.index("<form", page.index("<main"))
    assert re.findall(r"<[^>]* autofocus[^>]*>", page) == re.findall(rf'<[^>]* id="{shown}"[^>]*>', page)
    assert f'data-copy-field="{shown}"' in page
    # It should be neither shown nor created again by a reload, and not be shown to anybody else.
    assert f'id="{shown}"' not in client.get(address).text


def test_what_is_shown_once_is_not_shown_to_the_next_user_of_the_browser(charlie, alice, log_in):
    client = log_in(charlie)
    client.post("/settings/tokens", {"name": "x", "scope": "read", "days": "30"})
    cookie = client.cookies["shown_once"].value
    other = log_in(alice)
    other.cookies["shown_once"] = cookie
    assert "new-token" not in other.get("/settings/developers").text


def test_an_invitation_says_how_many_days_it_works(charlie, log_in, settings):
    for days, text in ((7.0, "within 7 days."), (1.0, "within 1 day."), (0.5, "within 0.5 days.")):
        settings.INVITATION_DAYS = days
        assert text in words(log_in(charlie).post("/settings/invitations", {"username": "dora"}, follow=True))


def test_who_has_none_is_not_asked_for_the_old_one(alice, log_in):
    alice.set_unusable_password()
    alice.save(update_fields=["password"])
    client = log_in(alice)
    assert "old_password" not in client.get("/settings/security").content.decode()
    client.post("/settings/password", {"new_password1": OTHER, "new_password2": OTHER})
    alice.refresh_from_db()
    assert alice.check_password(OTHER)
    assert client.get("/").status_code == 200


# -- tokens ---------------------------------------------------------------------------------------

TOKEN = {"name": "backup", "scope": "write", "days": "30"}


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"name": "x" * 101}, {"scope": "root"}, {"days": "never"}, {"days": "366"}, {"days": ""}]
)
def test_a_token_that_cannot_be_is_refused(wrong, browser):
    response = browser.post("/settings/tokens", TOKEN | wrong)
    assert response.status_code == 422
    assert 'class="error"' in response.text
    assert not Token.objects.exists()


def test_the_page_tells_what_each_token_is_for_and_what_has_become_of_it(browser, settings):
    settings.TOKEN_MAX_DAYS = 0
    browser.post("/settings/tokens", TOKEN | {"name": "<reader>", "scope": "read", "days": "never"})
    assert "read only; created" in browser.get("/settings/developers").text
    assert "&lt;reader&gt;" in browser.get("/settings/developers").text
    assert "never expires; never used" in browser.get("/settings/developers").text
    Token.objects.update(expiry=timezone.now(), last_used_at=timezone.now())
    assert "expired" in browser.get("/settings/developers").text
    assert "last used" in browser.get("/settings/developers").text


def test_a_token_is_shown_once_and_opens_the_api_until_it_is_revoked(browser, client, alice):
    made = browser.post("/settings/tokens", TOKEN, follow=True)
    assert "no-store" in made.headers["Cache-Control"]
    token = re.search(r'id="new-token" value="(\w{64})"', made.content.decode())[1]
    bearer = {"headers": {"Authorization": f"Bearer {token}"}}
    assert client.post("/api/v1/sessions", {}, "application/json", **bearer).status_code == 201
    later = browser.get("/settings/developers").content.decode()
    assert token not in later
    assert token[:8] in later
    path = re.search(r'action="(/settings/tokens/[\w-]+/revoke)"', later)[1]
    assert "Programs that use it lose access at once." in words(browser.get("/settings/security"))
    assert browser.post(path).url == "/settings/developers"
    assert client.post("/api/v1/sessions", {}, "application/json", **bearer).status_code == 401
    assert browser.post(path).status_code == 404


def test_a_token_is_made_by_nothing_but_a_button(browser):
    assert browser.get("/settings/tokens").status_code == 405
    assert not Token.objects.exists()


def test_nobody_sees_or_revokes_anothers_tokens(browser, alice, bob, charlie, log_in):
    instance, token = Token.objects.create(alice)
    for person in (bob, charlie):
        client = log_in(person)
        assert token[:8] not in client.get("/settings/developers").content.decode()
        assert client.post(f"/settings/tokens/{instance.uuid}/revoke").status_code == 404
    assert Token.objects.filter(user=alice).count() == 1


def test_one_user_has_so_many_tokens_and_no_more(browser, alice):
    for _ in range(50):
        Token.objects.create(alice)
    browser.post("/settings/tokens", TOKEN)
    assert "You have reached the limit of 50 tokens" in words(browser.get("/settings/developers"))
    assert Token.objects.count() == 50
