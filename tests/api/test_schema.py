"""docs/openapi.yaml is what the code says, and says enough."""

import json
import re
from pathlib import Path

import pytest
import yaml
from django.conf import settings
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer
from drf_spectacular.validation import validate_schema

from tests.api.addresses import ROWS

SNAPSHOT = Path(settings.BASE_DIR, "docs", "openapi.yaml")
UNDESCRIBED = {("GET", "/api/v1/openapi.json"), ("GET", "/api/v1/docs")}


@pytest.fixture(scope="module")
def schema():
    return SchemaGenerator().get_schema(request=None, public=True)


@pytest.fixture(scope="module")
def operations(schema):
    return {(method.upper(), path): found for path, item in schema["paths"].items() for method, found in item.items()}


def test_the_snapshot_is_the_schema(schema):
    written = OpenApiYamlRenderer().render(schema, renderer_context={}).decode()
    assert yaml.safe_load(SNAPSHOT.read_text()) == yaml.safe_load(written), "renew it: make schema"


def test_the_schema_is_openapi_3_1(schema):
    assert schema["openapi"] == "3.1.0"
    validate_schema(yaml.safe_load(OpenApiYamlRenderer().render(schema, renderer_context={})))


def test_every_operation_of_the_api_is_described(operations):
    """Those of /v1 and /api/chat, too."""

    def anonymous(path):
        return re.sub(r"{\w+}", "{}", path.partition("?")[0])

    asked = {(row.method, anonymous(row.path)) for row in ROWS} - UNDESCRIBED
    assert {(method, anonymous(path)) for method, path in operations} == asked


def test_every_operation_has_a_name_of_its_own_and_tells_what_it_refuses(operations):
    names = [operation["operationId"] for operation in operations.values()]
    assert len(set(names)) == len(names)
    for (_, path), operation in operations.items():
        told = set(operation["responses"])
        assert {"401", "403", "413", "429", "500"} <= told, operation["operationId"]
        assert "404" in told or "{" not in path, operation["operationId"]
        if path.startswith("/api/v1/"):
            assert "404" not in told or "{" in path, operation["operationId"]
            assert "requestBody" not in operation or {"400", "415", "422"} <= told, operation["operationId"]
        assert operation["summary"] and operation["description"], operation["operationId"]


def test_generators_and_linters_find_what_they_need(schema):
    """As redocly's and spectral's recommended rules demand: a server, described tags, no component without a use."""
    assert [server["url"] for server in schema["servers"]] == ["/"]
    tags = {tag["name"] for tag in schema["tags"] if tag["description"]}
    assert tags == {tag for path in schema["paths"].values() for found in path.values() for tag in found["tags"]}
    assert schema["info"]["license"] and schema["info"]["description"]
    used = set(re.findall(r'"#/components/(\w+/[^"]+)"', json.dumps(schema, default=str)))
    assert {f"{kind}/{name}" for kind in ("schemas", "responses") for name in schema["components"][kind]} == used


@pytest.mark.django_db
def test_the_schema_and_its_page_are_for_everybody(schema):
    client = Client()
    served = client.get("/api/v1/openapi.json")
    assert served.json()["info"]["title"] == "chatapp"
    page = client.get("/api/v1/docs")
    assert page.status_code == 200
    # Nothing in the page is script or style: its policy would refuse it.
    assert "<style" not in page.text and "style=" not in page.text and "<script>" not in page.text
    script = client.get("/api/v1/docs?script=")
    assert script["Content-Type"].startswith("application/javascript") and "SwaggerUIBundle" in script.text


@pytest.mark.django_db
def test_the_schema_is_made_once_and_not_sent_again_to_who_has_it(monkeypatch):
    client = Client()
    first = client.get("/api/v1/openapi.json")
    monkeypatch.setattr("drf_spectacular.generators.SchemaGenerator.get_schema", lambda *_, **__: pytest.fail("again"))
    again = client.get("/api/v1/openapi.json")
    assert (again.content, again["ETag"]) == (first.content, first["ETag"])
    unchanged = client.get("/api/v1/openapi.json", headers={"If-None-Match": first["ETag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert client.get("/api/v1/openapi.json", headers={"If-None-Match": '"other"'}).status_code == 200
