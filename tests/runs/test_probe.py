"""Staff test whether a provider or a model answers, against the scripted upstream."""

import json

import pytest
from django.test import Client
from django.urls import reverse

from runs.models import Model, Provider
from runs.upstream.servers import probe


@pytest.fixture
def admin(charlie):
    client = Client()
    client.force_login(charlie)
    return client


def a_model(base_url, upstream_id="scripted", **fields):
    provider = Provider.objects.create(name="here", base_url=base_url, **fields)
    return Model.objects.create(name="m", label="M", provider=provider, upstream_id=upstream_id, enabled=False)


def message_after(admin, what, row):
    path = reverse(f"admin:runs_{what}_changelist")
    page = admin.post(path, {"action": "test_connection", "_selected_action": [row.pk]}, follow=True)
    return [str(message) for message in page.context["messages"]]


def test_a_model_that_answers_is_told_so_though_it_is_not_enabled_yet(admin, upstream):
    [message] = message_after(admin, "model", a_model(upstream.base_url, upstream.register(tokens=3)))
    assert message.startswith("M: OK after ") and message.endswith("It has begun to answer.")
    assert not Model.objects.get().enabled


def test_a_model_that_refuses_is_told_with_the_code_of_a_run(admin, upstream):
    [message] = message_after(admin, "model", a_model(upstream.base_url, upstream.register(status=401)))
    assert "(upstream_unauthorized)" in message


@pytest.mark.parametrize("what", ["model", "provider"])
def test_an_address_where_nobody_is(admin, what):
    model = a_model("http://127.0.0.1:1/v1")
    [message] = message_after(admin, what, model if what == "model" else model.provider)
    assert "(upstream_unreachable)" in message


@pytest.mark.parametrize("what", ["model", "provider"])
def test_a_key_that_is_not_set_is_told_before_anybody_is_asked(admin, what, monkeypatch):
    monkeypatch.delenv("PROVIDER_KEY_MISSING", raising=False)
    model = a_model("http://127.0.0.1:1/v1", key_env="PROVIDER_KEY_MISSING")
    [message] = message_after(admin, what, model if what == "model" else model.provider)
    assert "PROVIDER_KEY_MISSING" in message


def test_a_provider_s_models_are_named():
    listed = json.dumps({"data": [{"id": "wren"}, {"id": "owl"}]}).encode()
    assert probe._describe_models(listed) == "It has 2 models: owl, wren"


@pytest.mark.parametrize(
    "listed", [["wren", "owl"], [{"id": "wren"}, {"id": "owl"}], {"models": [{"name": "wren"}, {"name": "owl"}]}]
)
def test_models_are_named_in_whatever_form_they_are_listed(listed):
    assert probe._describe_models(json.dumps(listed).encode()) == "It has 2 models: owl, wren"
