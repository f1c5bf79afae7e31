"""Logging in and out."""

from sesame.utils import get_query_string

from tests.pages.test_frame import words

PASSWORD = "a long and quiet river"


def test_a_password_leads_to_where_one_wanted_to_go(log_in, alice):
    alice.set_password(PASSWORD)
    alice.save(update_fields=["password"])
    client = log_in(None)
    login = client.get(client.get("/search?q=tea").url)
    assert 'name="next" value="/search?q=tea"' in login.content.decode()
    form = {"username": "alice", "password": PASSWORD, "next": "/search?q=tea"}
    assert client.post("/login", form).url == "/search?q=tea"
    assert client.get("/").status_code == 200


def test_a_wrong_password_is_told_and_the_name_kept(log_in, alice):
    response = log_in(None).post("/login", {"username": "alice", "password": "wrong"})
    assert response.status_code == 200
    assert "Please enter a correct username and password" in words(response)
    assert 'value="alice"' in response.content.decode()


def test_a_login_leads_nowhere_else(log_in, alice):
    alice.set_password(PASSWORD)
    alice.save(update_fields=["password"])
    form = {"username": "alice", "password": PASSWORD, "next": "https://evil.example/"}
    assert log_in(None).post("/login", form).url == "/"


def test_a_login_link_works_once(log_in, alice):
    link = "/login/link" + get_query_string(alice)
    first, second = log_in(None), log_in(None)
    assert first.get(link).url == "/"
    assert first.get("/").status_code == 200
    response = second.get(link)
    assert response.status_code == 403
    assert "This login link has expired" in words(response)
    assert 'href="/login"' in response.content.decode()
    assert second.get("/").status_code == 302


def test_a_used_link_in_the_browser_that_used_it_leads_home(log_in, alice):
    link, client = "/login/link" + get_query_string(alice), log_in(None)
    client.get(link)
    assert client.get(link).url == "/"


def test_an_expired_link_leads_to_the_login(log_in, alice, settings, monkeypatch):
    monkeypatch.setattr("sesame.settings.MAX_AGE", -1)
    response = log_in(None).get("/login/link" + get_query_string(alice))
    assert response.status_code == 403
    assert 'href="/login"' in response.content.decode()


def test_a_made_up_link_and_one_without_token_are_expired_too(log_in, db):
    for link in ("/login/link?sesame=AAAA", "/login/link"):
        assert log_in(None).get(link).status_code == 403


def test_log_out_takes_a_button_and_not_a_link(log_in, alice):
    client = log_in(alice)
    assert client.get("/logout").status_code == 405
    assert client.get("/").status_code == 200
    answer = client.post("/logout")
    assert (answer.url, answer["Clear-Site-Data"]) == ("/login", '"cache"')
    assert client.get("/").status_code == 302


def test_who_is_logged_in_does_not_see_the_login(log_in, alice):
    assert log_in(alice).get("/login").url == "/"
