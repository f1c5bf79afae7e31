"""Which environment variables may hold a provider's key, and where each may be sent."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from django.contrib.auth.models import Permission
from django.core import checks
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from runs import provider_keys
from runs.error_details import redact
from runs.errors import ProviderKeyForbidden
from runs.models import Model, Provider
from runs.upstream.request import prepare_request
from runs.upstream.servers import probe

pytestmark = pytest.mark.one_database

OPENAI = "https://api.openai.com/v1"
ELSEWHERE = "https://evil.example/v1"


@pytest.fixture(autouse=True)
def listed(settings):
    settings.PROVIDER_KEYS = ["ANY_HOST", "ONE_HOST@llm.example.org", "BELOW@*.example.org", "GROQ_API_KEY@gateway.lan"]


@pytest.mark.parametrize(
    ("name", "base_url"),
    [
        ("PROVIDER_KEY_OLLAMA", ELSEWHERE),
        ("OPENAI_API_KEY", OPENAI),
        ("OPENAI_API_KEY", "https://API.OpenAI.com.:443/v1"),
        ("OPENROUTER_API_KEY", "https://openrouter.ai/api/v1"),
        ("AZURE_OPENAI_API_KEY", "https://mine.openai.azure.com/openai/v1"),
        ("LOCAL_MODEL_KEY", "http://127.0.0.1:4711/v1"),
        ("ANY_HOST", ELSEWHERE),
        ("ONE_HOST", "http://llm.example.org:8080/v1"),
        ("BELOW", "https://a.b.example.org/v1"),
        ("GROQ_API_KEY", "http://gateway.lan/v1"),
    ],
)
def test_a_key_goes_where_it_may(name, base_url):
    assert provider_keys.key_fault(name, base_url) == ""


@pytest.mark.parametrize(
    ("name", "base_url"),
    [
        ("REDIS_URL", ELSEWHERE),  # the heart of it: these were sent as bearer tokens
        ("SECRET_KEY", ELSEWHERE),
        ("DATABASE_URL", ELSEWHERE),
        ("METRICS_TOKEN", ELSEWHERE),
        ("PROVIDER_KEYS", ELSEWHERE),
        ("PATH", ELSEWHERE),
        ("DATABASE_PASSWORD", ELSEWHERE),
        ("AWS_SECRET_ACCESS_KEY", ELSEWHERE),
        ("PROVIDER_KEY_", ELSEWHERE),
        ("provider_key_x", ELSEWHERE),
        ("OPENAI_API_KEY", ELSEWHERE),
        ("OPENAI_API_KEY", "https://api.openai.com.evil.example/v1"),
        ("OPENAI_API_KEY", "https://api.openai.com@evil.example/v1"),
        ("OPENAI_API_KEY", "https://xapi.openai.com/v1"),
        ("OPENAI_API_KEY", "https://evil.example/api.openai.com"),
        ("OPENAI_API_KEY", "https://evil.example#@api.openai.com/v1"),
        ("OPENAI_API_KEY", "https://[::1/v1"),
        ("AZURE_OPENAI_API_KEY", "https://openai.azure.com/v1"),
        ("AZURE_OPENAI_API_KEY", "https://evilopenai.azure.com/v1"),
        ("LOCAL_MODEL_KEY", ELSEWHERE),
        ("ONE_HOST", ELSEWHERE),
        ("BELOW", "https://example.org/v1"),
        ("GROQ_API_KEY", "https://api.groq.com/openai/v1"),  # the list has the last word
    ],
)
def test_no_other_variable_goes_anywhere(name, base_url, monkeypatch, db):
    monkeypatch.setenv(name, "a secret of the site")
    assert provider_keys.key_fault(name, base_url)
    provider = Provider(name="p", base_url=base_url, key_env=name)
    with pytest.raises(ValidationError):
        provider.full_clean()
    provider.save()  # as an older version has stored it
    with pytest.raises(ProviderKeyForbidden):
        provider.key  # noqa: B018
    model = Model(name="m", label="M", provider=provider, upstream_id="m")
    with pytest.raises(ProviderKeyForbidden):
        prepare_request(model, [{"role": "user", "content": "Hello"}])
    for answer in (probe.probe_provider(provider), probe.probe_model(model)):
        assert not answer.is_ok
        assert "a secret of the site" not in answer.text


def test_every_variable_that_settings_read_is_known(settings):
    read = settings.SETTINGS_VARIABLES
    assert {"SECRET_KEY", "DATABASE_URL", "REDIS_URL", "DATA_DIR", "METRICS_TOKEN", "PROVIDER_KEYS"} <= read
    assert not any(name.startswith(provider_keys.PREFIX) for name in read)
    settings.PROVIDER_KEYS = ["SECRET_KEY", "REDIS_URL@evil.example"]
    assert all(provider_keys.key_fault(name, ELSEWHERE) for name in ("SECRET_KEY", "REDIS_URL"))


def ids(tag: str, **more) -> set[str]:
    return {message.id for message in checks.run_checks(tags=[tag], **more)}


@pytest.mark.parametrize(
    "entry", ["SECRET_KEY", "REDIS_URL@evil.example", "sk-12ab", "A@b@c", "A@", "A@http://b", "A@*"]
)
def test_an_entry_that_cannot_be_is_found_by_the_checks(entry, settings):
    assert "chatapp.E006" not in ids("chatapp")
    settings.PROVIDER_KEYS = [entry]
    assert "chatapp.E006" in ids("chatapp")


def test_a_provider_of_an_older_version_is_found_by_migrate(db):
    Provider.objects.create(name="good", base_url=OPENAI, key_env="OPENAI_API_KEY")
    assert "chatapp.W002" not in ids("database", databases=["default"])
    Provider.objects.create(name="old", base_url=ELSEWHERE, key_env="MY_OWN_KEY")
    assert "chatapp.W002" in ids("database", databases=["default"])


def test_what_an_address_has_before_its_host_is_in_no_trace():
    assert redact("at http://user:pa:ss@proxy:3128/x, 'https://k@b'", None) == (
        "at http://[credentials]@proxy:3128/x, 'https://[credentials]@b'"
    )


@pytest.mark.parametrize(
    "proxy", ["http://u:s3cret/x@proxy:1", "http://u:s3cret@[proxy", "socks5://u:s3cret@proxy:1", "s3cret"]
)
@pytest.mark.parametrize("ask", ["provider", "model"])
def test_a_proxy_that_cannot_be_is_told_without_its_password(proxy, ask, monkeypatch, db):
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, proxy)
    monkeypatch.delenv("no_proxy", raising=False)
    provider = Provider(name="p", base_url="http://a.example/v1")
    model = Model(name="m", label="M", provider=provider, upstream_id="m")
    answer = probe.probe_model(model) if ask == "model" else probe.probe_provider(provider)
    assert not answer.is_ok
    assert "s3cret" not in answer.text


# -- the admin ------------------------------------------------------------------------------------


@pytest.fixture
def provider(db):
    return Provider.objects.create(name="p", base_url="https://a.example/v1", key_env="PROVIDER_KEY_A")


def browser(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def helper(bob):
    """Bob is staff and may do everything with providers but set addresses and keys."""
    bob.is_staff = True
    bob.save(update_fields=["is_staff"])
    own = Permission.objects.filter(content_type__app_label="runs")
    bob.user_permissions.set(own.exclude(codename="connect_provider"))
    return browser(bob)


def stored(provider) -> tuple[str, str, str]:
    provider.refresh_from_db()
    return provider.name, provider.base_url, provider.key_env


def test_address_and_key_are_for_those_with_the_permission(helper, bob, provider):
    """Staff who may change providers could have any variable of the server sent to an address of their own."""
    change, add = reverse("admin:runs_provider_change", args=[provider.pk]), reverse("admin:runs_provider_add")
    form = {"name": "q", "base_url": ELSEWHERE, "key_env": "PROVIDER_KEY_B", "sends_key": "on", "position": "0"}
    assert helper.get(change).status_code == 200
    assert helper.post(change, form).status_code == 302
    assert stored(provider) == ("q", "https://a.example/v1", "PROVIDER_KEY_A")
    assert helper.post(add, form | {"name": "r"}).status_code == 403
    assert Provider.objects.count() == 1
    bob.user_permissions.add(Permission.objects.get(codename="connect_provider"))
    assert helper.post(change, form).status_code == 302
    assert stored(provider) == ("q", ELSEWHERE, "PROVIDER_KEY_B")


def test_a_key_goes_to_a_new_address_only_when_a_superuser_says_so(charlie, provider):
    client, change = browser(charlie), reverse("admin:runs_provider_change", args=[provider.pk])
    form = {"name": "p", "base_url": "https://b.example/v1", "key_env": "PROVIDER_KEY_A", "position": "0"}
    assert "Send the key to this new address" in client.get(change).text
    assert "Confirm that it may be sent to the new address" in client.post(change, form).text
    assert stored(provider)[1] == "https://a.example/v1"
    assert client.post(change, form | {"base_url": "https://a.example/v2"}).status_code == 302  # the same server
    assert client.post(change, form | {"sends_key": "on"}).status_code == 302
    assert client.post(change, form | {"base_url": "https://c.example", "key_env": "PROVIDER_KEY_C"}).status_code == 302
    assert stored(provider) == ("p", "https://c.example", "PROVIDER_KEY_C")
    assert "REDIS_URL is a setting" in client.post(change, form | {"key_env": "REDIS_URL"}).text


def test_a_password_that_an_older_version_let_into_an_address_is_not_shown(helper, provider):
    Provider.objects.update(base_url="https://user:s3cret@a.example/v1")
    changelist = reverse("admin:runs_provider_changelist")
    for page in (changelist, reverse("admin:runs_provider_change", args=[provider.pk])):
        assert "s3cret" not in helper.get(page).text
    assert "https://a.example/v1" in helper.get(changelist).text
    assert "1 result" not in helper.get(changelist, {"q": "s3cr"}).text  # nor can it be guessed by searching
    answer = helper.post(changelist, {"action": "test_connection", "_selected_action": [provider.pk]}, follow=True)
    assert "s3cret" not in answer.text


class Redirecting(BaseHTTPRequestHandler):
    """A model server that redirects every request; `paths` are those requested."""

    paths: list[str]

    def answer(self) -> None:
        self.paths.append(self.path)
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(307)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST = answer

    def log_message(self, *args) -> None:
        """Not to the console."""


@pytest.mark.parametrize("ask", ["provider", "model"])
def test_a_redirect_is_not_followed_with_the_key(ask, monkeypatch):
    monkeypatch.setenv("PROVIDER_KEY_A", "s3cret")
    monkeypatch.setattr(Redirecting, "paths", [], raising=False)
    with ThreadingHTTPServer(("127.0.0.1", 0), Redirecting) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        base_url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        provider = Provider(name="p", base_url=base_url, key_env="PROVIDER_KEY_A")
        model = Model(name="m", label="M", provider=provider, upstream_id="m")
        answer = probe.probe_model(model) if ask == "model" else probe.probe_provider(provider)
        server.shutdown()
    assert not answer.is_ok
    assert Redirecting.paths == ["/v1/chat/completions" if ask == "model" else "/v1/models"]
