"""The same files in an S3-compatible storage: moto's server, with the packages of its own that the extra installs."""

import subprocess
import sys
import urllib.request

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from tests.files.pictures import picture
from tests.harness import parts
from tests.harness.facts import wait_until
from tests.harness.people import Person
from tests.harness.processes import ROOT, Part, temporary_directory
from tests.harness.stack import clean_env

pytestmark = [pytest.mark.stack, pytest.mark.long, pytest.mark.one_database]

KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}
BUCKET = "wrens"


@pytest.fixture(scope="module")
def packages() -> str:
    """A folder with the packages of the extra, and of its test."""
    directory = temporary_directory("s3")
    locks = [option for name in ("s3", "s3-test") for option in ("-r", f"deploy/requirements/{name}.txt")]
    uv = [sys.executable, "-m", "uv", "pip", "install", "-q", "--require-hashes", "--target", str(directory), *locks]
    subprocess.run(uv, cwd=ROOT, check=True, timeout=300)
    return str(directory)


@pytest.fixture
def storage(packages, tmp_path):
    """The part and its address, with an empty bucket."""
    port = parts.free_port()
    argv = [sys.executable, "-m", "moto.server", "-p", str(port)]
    part = Part("moto", argv, tmp_path, clean_env(PYTHONPATH=packages, **KEYS)).start()
    wait_until(lambda: parts.answers(port), "moto's server accepts connections", 60)
    url = f"http://127.0.0.1:{port}"
    urllib.request.urlopen(urllib.request.Request(f"{url}/{BUCKET}", method="PUT"), timeout=30).close()
    yield part, url
    part.kill()


def keys_in(url: str) -> list[str]:
    with urllib.request.urlopen(f"{url}/{BUCKET}?list-type=2", timeout=30) as reply:
        return [key.partition("</Key>")[0] for key in reply.read().decode().split("<Key>")[1:]]


def test_files_are_stored_served_and_deleted_there(make_stack, packages, storage):  # B69
    part, url = storage
    env = {"FILES_BUCKET": BUCKET, "FILES_BUCKET_ENDPOINT": url, "PYTHONPATH": packages, **KEYS}
    stack = make_stack(("valkey", "web"), **env)
    alice = Person(stack.url, "alice")

    def upload(content: bytes, name: str):
        body = encode_multipart(BOUNDARY, {"file": SimpleUploadedFile(name, content)})
        return alice.request("POST", "/api/v1/files", body, {**alice.bearer, "Content-Type": MULTIPART_CONTENT})

    text, image = upload(b"Wrens, all of them", "notes.txt"), upload(picture(), "wren.png")
    assert (text.status, image.status) == (201, 201)
    assert len(keys_in(url)) == 3, "an image has a thumbnail"
    path = f"/files/{text.json()['id']}"
    assert alice.page("GET", path).body == b"Wrens, all of them"
    ranged = alice.request("GET", path, headers={**alice.cookie_header, "Range": "bytes=7-9"})
    assert (ranged.status, ranged.body) == (206, b"all")
    assert not (stack.directory / "files").exists()
    assert alice.api("DELETE", path).status == 204
    assert len(keys_in(url)) == 2
    # It should say that files cannot be stored while the storage is away, and serve everything else.
    part.kill()
    refused = upload(b"Robins", "more.txt")
    assert (refused.status, refused.json()["code"]) == (507, "file_storage_full")
    assert alice.page("GET", f"/files/{image.json()['id']}").status == 503
    assert alice.page("GET", "/").status == 200
