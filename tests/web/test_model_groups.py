"""A model of a group is for its members: to everyone else it does not exist, on pages and in the APIs."""

import pytest
from django.contrib.auth.models import Group

from runs.actions import send
from runs.errors import ModelUnknown
from runs.models import Model, Run


@pytest.fixture
def secret(model):
    """A model for the group Research only; the default is for everyone."""
    secret = Model.objects.create(name="lab/secret:1", label="Secret", provider=model.provider, upstream_id="s")
    secret.groups.add(Group.objects.create(name="Research"))
    return secret


def test_who_may_use_it(secret, alice, bob, charlie):
    alice.groups.add(Group.objects.get())
    assert secret in Model.objects.usable_by(alice)
    assert secret not in Model.objects.usable_by(bob)
    assert secret in Model.objects.usable_by(charlie)  # superusers may use all
    Model.objects.update(enabled=False)
    assert not Model.objects.usable_by(charlie).exists()


@pytest.mark.parametrize("path", ["/", "/compare", "/schedules/new", "/settings"])
def test_only_its_members_are_offered_it(path, secret, alice, bob, log_in):
    alice.groups.add(Group.objects.get())
    assert "Secret" in log_in(alice).get(path).text
    assert "Secret" not in log_in(bob).get(path).text


def test_nobody_else_can_ask_it(secret, alice, bob):
    with pytest.raises(ModelUnknown):
        send(bob.chat_sessions.create(), "Hello?", user=bob, model=secret.name)
    assert not Run.objects.exists()
    alice.groups.add(Group.objects.get())
    assert send(alice.chat_sessions.create(), "Hello?", user=alice, model=secret.name).model == secret


def test_a_favourite_is_kept_of_what_one_may_use(secret, bob, model, log_in):
    browser = log_in(bob)
    assert browser.post("/models/favourite", {"model": secret.name}).status_code == 404
    assert browser.post("/models/favourite", {"model": model.name}).status_code == 302
    assert list(bob.favourite_models.all()) == [model]
    browser.post("/models/favourite", {"model": model.name, "off": "1"})
    assert not bob.favourite_models.exists()
