"""Staff connect a model server: found on this machine, from a preset or by its address; its key is stored encrypted."""

import pytest
from django.urls import reverse

from chatapp.web.providers.urls import urlpatterns
from runs.models import Model, Provider
from tests.harness.model_server import ModelServer
from tests.web import test_frame

KEY = "sk-very-secret-0123456789"


def words(response) -> str:
    return " ".join(test_frame.words(response).split())


@pytest.fixture
def make_server():
    servers = []

    def make(*args, **kwargs) -> ModelServer:
        servers.append(ModelServer(*args, **kwargs))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


@pytest.fixture
def server(make_server, settings):
    """An Ollama with two models, on a port that is looked at."""
    server = make_server("llama3.2:3b", "Qwen/Qwen3-8B")
    settings.DISCOVERY_PORTS = [str(server.port)]
    return server


@pytest.fixture
def staff(log_in, charlie):
    return log_in(charlie)


def fields_of(server: ModelServer, **more: str) -> dict[str, str]:
    return {"label": "Ollama", "base_url": server.base_url, "key_kind": "none", **more}


def connect(client, server: ModelServer, **more: str) -> Provider:
    response = client.post("/models/connect/server?preset=ollama", fields_of(server, **more))
    assert response.status_code == 302, words(response)
    return Provider.objects.latest("pk")


def test_a_server_on_this_machine_is_found_only_when_asked_for(staff, server):
    page = staff.get("/models/connect")
    assert "Look for model servers" in words(page)
    assert server.requests == []
    page = staff.post("/models/connect")
    assert f"Ollama Port {server.port} · 2 models" in words(page)
    assert server.requests == [("/v1/models", "")]


def test_the_site_itself_is_never_asked(staff, server, settings):
    settings.PORT = server.port
    assert "No model server was found" in words(staff.post("/models/connect"))
    settings.PORT = 1
    page = staff.post("/models/connect", HTTP_HOST=f"localhost:{server.port}", SERVER_PORT=str(server.port))
    assert "No model server was found" in words(page)
    assert server.requests == []


def test_what_is_no_model_server_is_not_offered_and_one_with_a_key_is(staff, make_server, settings):
    odd, closed = make_server(), make_server("m", key="k", owner="vllm")
    odd.body = b"<html>Not what you are looking for</html>"
    settings.DISCOVERY_PORTS = [str(odd.port), str(closed.port), "nonsense", "99999999", "1"]
    page = words(staff.post("/models/connect"))
    assert f"Port {odd.port}" not in page
    assert f"Port {closed.port} · needs a key" in page


def test_from_the_demo_alone_to_a_model_that_answers(staff, charlie, server):
    demo = Provider.objects.create(name=Provider.DEMO, base_url="http://127.0.0.1:1/v1")
    Model.objects.create(name="demo", label="Demo", provider=demo, upstream_id="demo", is_default=True)
    provider = connect(staff, server)
    page = staff.get(reverse("provider_models", args=[provider.pk]))
    assert page.text.count(" checked") == 2  # so few are all offered, unless staff choose
    staff.post(reverse("provider_models", args=[provider.pk]), {"models": ["llama3.2:3b"], "others": ""})
    model = provider.models.get()
    assert (model.name, model.label, model.enabled, model.is_default) == ("llama3.2:3b", "llama3.2:3b", True, True)
    assert 'value="llama3.2:3b" selected' in staff.get("/").text


def test_models_that_are_not_chosen_any_more_are_not_offered_and_keep_their_settings(staff, server):
    provider = connect(staff, server)
    path = reverse("provider_models", args=[provider.pk])
    staff.post(path, {"models": ["llama3.2:3b", "Qwen/Qwen3-8B"], "others": "mine\nmine\n"})
    Model.objects.filter(name="mine").update(label="My own")
    staff.post(path, {"models": ["Qwen/Qwen3-8B"], "others": ""})
    assert list(Model.objects.enabled().values_list("name", flat=True)) == ["Qwen/Qwen3-8B"]
    staff.post(path, {"models": ["Qwen/Qwen3-8B"], "others": "mine"})
    assert Model.objects.get(name="mine").label == "My own"


def test_all_or_none_are_selected_without_a_script(staff, server):
    path = reverse("provider_models", args=[connect(staff, server).pk])
    page = staff.post(path, {"select": "none", "others": "typed"})
    assert page.text.count(" checked") == 0 and "\ntyped</textarea>" in page.text
    assert staff.post(path, {"select": "all", "others": ""}).text.count(" checked") == 2
    assert Model.objects.count() == 0


def test_a_server_that_does_not_answer_is_kept_with_what_is_wrong(staff, server):
    server.body = b"[oops"
    response = staff.post("/models/connect/server", fields_of(server), follow=True)
    assert "doesn’t respond as expected" in words(response)
    assert response.redirect_chain[-1][0] == reverse("provider", args=[Provider.objects.get().pk])
    assert 'value="http://127.0.0.1' in response.text


# -- keys -----------------------------------------------------------------------------------------


def test_a_key_is_stored_encrypted_used_and_never_shown(staff, make_server, caplog):
    server = make_server("gpt", key=KEY)
    provider = connect(staff, server, key_kind="stored", key=KEY)
    assert ("/v1/models", f"Bearer {KEY}") in server.requests
    assert provider.key == KEY and KEY not in provider.stored_key
    pages = [staff.get(path) for path in ("/models", "/models/connect", reverse("provider", args=[provider.pk]))]
    pages += [staff.get(reverse(f"admin:runs_provider_{page}", args=args)) for page, args in
              (("changelist", []), ("change", [provider.pk]), ("history", [provider.pk]))]  # fmt: skip
    for page in pages:
        assert page.status_code == 200
        assert KEY not in page.text and provider.stored_key not in page.text
    assert KEY not in caplog.text


def test_an_empty_field_keeps_the_key_and_a_new_address_needs_it_again(staff, make_server):
    server, other = make_server("gpt", key=KEY), make_server("gpt")
    provider = connect(staff, server, key_kind="stored", key=KEY)
    path = reverse("provider", args=[provider.pk])
    assert staff.post(path, fields_of(server, key_kind="stored", key="", label="Mine")).status_code == 302
    response = staff.post(path, fields_of(other, key_kind="stored", key=""))
    assert response.status_code == 422
    assert "The stored key is for" in words(response)
    assert other.requests == []
    provider.refresh_from_db()
    assert (provider.label, provider.key) == ("Mine", KEY)


def test_a_refused_key_is_said_in_words_without_the_key(staff, make_server):
    server = make_server("gpt", key="another")
    response = staff.post("/models/connect/server", fields_of(server, key_kind="stored", key=KEY), follow=True)
    assert "HTTP 401: Incorrect API key provided: Bearer [key]" in words(response)
    assert KEY not in response.text


def test_a_key_is_not_rendered_again_when_the_form_is_refused(staff):
    form = {"label": "", "base_url": "nonsense", "key_kind": "stored", "key": KEY}
    response = staff.post("/models/connect/server", form)
    assert response.status_code == 422
    assert KEY not in response.text


# -- permissions ----------------------------------------------------------------------------------

PAGES = {
    "models": ("get", ""),
    "connect": ("post", ""),
    "connect_server": ("post", ""),
    "provider": ("post", "provider"),
    "provider_models": ("post", "provider"),
    "refresh_models": ("post", "provider"),
    "delete_provider": ("post", "provider"),
    "model": ("post", "model"),
    "make_default": ("post", "model"),
    "test_model": ("post", "model"),
}
FOR_MANAGERS = {"models", "model", "make_default", "test_model"}


def ask(client, name: str, model: Model):
    method, kind = PAGES[name]
    args = {"": [], "provider": [model.provider_id], "model": [model.pk]}[kind]
    return getattr(client, method)(reverse(name, args=args), {"label": "Foreign", "base_url": "http://127.0.0.1:1/v1"})


def test_every_page_is_asked_here():
    assert {pattern.name for pattern in urlpatterns} == {*PAGES, "favourite"}


@pytest.mark.parametrize("name", PAGES)
def test_the_pages_are_for_staff_with_the_permission(name, log_in, alice, charlie, model, permit):
    before = list(Provider.objects.values()), list(Model.objects.values())
    assert ask(log_in(None), name, model).status_code in (302, 401)
    assert ask(log_in(alice), name, model).status_code == 404
    permit(alice, "connect_provider", "change_model")
    assert ask(log_in(alice), name, model).status_code == 404  # a permission alone does not make staff
    manager = permit(alice, "change_model", is_staff=True)
    if name not in FOR_MANAGERS:
        assert ask(log_in(manager), name, model).status_code == 404
    assert (list(Provider.objects.values()), list(Model.objects.values())) == before
    assert ask(log_in(charlie), name, model).status_code in (200, 302, 422)


@pytest.fixture
def permit():
    """`permit(alice, "change_model", is_staff=True)`: alice has exactly these permissions."""
    from django.contrib.auth.models import Permission

    def permit_(user, *names: str, is_staff: bool = False):
        user.is_staff = is_staff
        user.save()
        user.user_permissions.set(Permission.objects.filter(codename__in=names, content_type__app_label="runs"))
        return type(user).objects.get(pk=user.pk)

    return permit_
