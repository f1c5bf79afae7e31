"""The first minutes: a password before one is needed, ideas to begin with, and what to do without a good model."""

import pytest

from chatapp.accounts.links import login_link
from chatapp.accounts.people import ensure_owner
from runs.models import Model, Provider
from tests.web.test_frame import words

PASSWORD = "a long and quiet river"
FORM = {"name": "Olga", "new_password1": PASSWORD, "new_password2": PASSWORD}


@pytest.fixture
def owner(db):
    return ensure_owner()


def test_a_link_leads_a_user_without_a_password_to_set_one(log_in, owner):
    client = log_in(None)
    token = login_link(owner, "").partition("#")[2]
    assert client.post("/login/link", {"token": token}).url == "/welcome"
    assert "Set a password" in words(client.get("/"))  # not now, but it is not forgotten
    assert client.post("/welcome", FORM).url == "/"
    assert "Set a password" not in words(client.get("/"))
    assert "Olga" in words(client.get("/"))
    assert client.get("/welcome").url == "/"
    assert log_in(None).post("/login", {"username": owner.username, "password": PASSWORD}).url == "/"


def test_a_weak_password_is_refused_and_the_name_kept(log_in, owner):
    response = log_in(owner).post("/welcome", FORM | {"new_password1": "12345678", "new_password2": "12345678"})
    assert response.status_code == 422
    assert "too common" in words(response)
    assert 'value="Olga"' in response.text


def test_the_password_of_a_user_who_has_one_is_not_set_there(log_in, alice):
    alice.set_password(PASSWORD)
    alice.save()
    client = log_in(alice)
    assert client.post("/welcome", FORM | {"new_password1": "another" * 3, "new_password2": "another" * 3}).url == "/"
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


def test_an_idea_goes_into_the_message_field(browser):
    page = browser.get("/")
    assert "Explain how rainbows form" in words(page)
    page = browser.get("/", {"text": "What is <b>tea</b>?\0"})
    assert "\nWhat is &lt;b&gt;tea&lt;/b&gt;?</textarea>" in page.text


def test_without_a_model_staff_get_a_button_and_others_are_told_whom_to_ask(log_in, alice, owner):
    page = log_in(owner).get("/")
    assert 'href="/models/connect"' in page.text
    page = log_in(alice).get("/")
    assert "/models/" not in page.text
    assert "Ask owner to connect one." in words(page)
    assert "`" not in page.text
    assert "Explain how rainbows form" not in words(page)


@pytest.mark.parametrize(("provider", "is_said"), [(Provider.DEMO, True), ("other", False)])
def test_the_demo_says_what_it_is(log_in, owner, alice, provider, is_said):
    server = Provider.objects.create(name=provider, base_url="http://127.0.0.1:1/v1")
    Model.objects.create(name="m", label="M", provider=server, upstream_id="m", is_default=True)
    assert ("small demo model" in words(log_in(alice).get("/"))) == is_said
    assert ("Connect a better model" in words(log_in(owner).get("/"))) == is_said
    assert "Connect a better model" not in words(log_in(alice).get("/"))
