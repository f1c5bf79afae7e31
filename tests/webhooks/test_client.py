"""Where nothing is ever sent: the site's own network, whatever name, form of address or redirect leads there."""

import datetime
import socket
import ssl
import subprocess
import sys

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from chatapp.webhooks import client
from chatapp.webhooks.client import Unsendable, address_fault, is_allowed, post
from tests.harness.processes import ROOT, temporary_directory
from tests.harness.stack import clean_env
from tests.webhooks.receiver import Receiver

pytestmark = pytest.mark.one_database

PRIVATE = [
    "127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "192.0.0.8", "198.18.0.1", "192.88.99.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1",
    "fc00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:db8::1",
    "2001::1",
]  # fmt: skip


@pytest.fixture
def names(monkeypatch):
    """`names(name="127.0.0.1")`: what the look-up of a name answers."""
    known, really = {}, socket.getaddrinfo

    def look_up(host, port, *args, **options):
        if host not in known:
            return really(host, port, *args, **options)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in known[host]]

    monkeypatch.setattr(client.socket, "getaddrinfo", look_up)
    return lambda name, *addresses: known.update({name: addresses})


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_public_is_not_reached(address, names):
    assert not is_allowed(address)
    literal = f"[{address}]" if ":" in address else address
    assert address_fault(f"https://{literal}/hook") == "This address is not public."
    names("hooks.example", "8.8.8.8", address)  # one among them is enough
    with pytest.raises(Unsendable, match="not public"):
        post("https://hooks.example/", b"{}", {})


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111"])
def test_a_public_address_is_reached(address):
    assert is_allowed(address)


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "localhost", "localhost."])
def test_other_ways_to_write_loopback_lead_nowhere(host):
    with pytest.raises(Unsendable):
        post(f"https://{host}/", b"{}", {})


@pytest.mark.parametrize(
    "url",
    [
        "", "hooks.example", "http://hooks.example/", "ftp://hooks.example/", "https://", "https:///path",
        "https://hooks.example:0/", "https://hooks.example:99999/", "https://[::1", "https://u:p@hooks.example/",
        "https://hooks.example/#part", "https://hooks.example/a b", "https://hooks.example/\r\nX: y",
        "https://hooks.example\\@127.0.0.1/", "https://höoks.example/", "https://hooks.example/\x00", "javascript:1",
    ],
)  # fmt: skip
def test_what_is_no_good_address_is_refused(url):
    assert address_fault(url)


def test_a_good_address_is_taken():
    assert address_fault("https://hooks.example:8443/a/b?c=d%C3%A9") == ""


# -- TLS: the connection goes to the address that was looked at, the certificate is for the name -----


@pytest.fixture(scope="module")
def hooks_example(tmp_path_factory):
    """A certificate for hooks.example: the server's context, and a client's that trusts it."""
    key, day = ec.generate_private_key(ec.SECP256R1()), datetime.timedelta(days=1)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hooks.example")])
    now = datetime.datetime.now(datetime.UTC)
    draft = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    draft = draft.serial_number(x509.random_serial_number()).not_valid_before(now - day).not_valid_after(now + day)
    draft = draft.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    draft = draft.add_extension(x509.SubjectAlternativeName([x509.DNSName("hooks.example")]), critical=False)
    pem = draft.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(private + pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cadata=pem.decode())


@pytest.fixture
def encrypted(hooks_example, settings, names):
    settings.WEBHOOK_PRIVATE_NETWORKS = True
    receiver = Receiver(tls=hooks_example[0])
    names("hooks.example", "127.0.0.1")
    names("other.example", "127.0.0.1")
    yield receiver
    receiver.close()


def test_a_name_is_looked_up_once_and_the_certificate_must_be_for_it(encrypted, hooks_example, monkeypatch, names):
    monkeypatch.setattr(client, "_tls", lambda: hooks_example[1])
    assert post(f"https://hooks.example:{encrypted.port}/ok", b"{}", {}).status == 204
    assert encrypted.received[0].headers["host"] == f"hooks.example:{encrypted.port}"
    with pytest.raises(Unsendable, match="certificate is invalid"):
        post(f"https://other.example:{encrypted.port}/ok", b"{}", {})


ON_GEVENT = """
from gevent import monkey
monkey.patch_all()
import sys, django
django.setup()
from chatapp.webhooks.client import Unsendable, post
for url in sys.argv[1:]:
    try:
        print(post(url, b"{}", {}).status)
    except Unsendable as error:
        print(error)
"""


def test_on_gevent_too_nothing_that_a_receiver_does_gains_it_time(receiver):
    """A handshake that never ends held a sender for good: gevent counts its time anew with every byte."""
    shakes = Receiver(greeting=b"\x16\x03\x03\x40\x00")  # 16 KB of a handshake are to come, and come one by one
    urls = [f"https://127.0.0.1:{shakes.port}/", *(f"{receiver.url}/{path}" for path in ("drip", "drip-head", "ok"))]
    env = clean_env(DATA_DIR=str(temporary_directory("gevent")), WEBHOOK_PRIVATE_NETWORKS="1", WEBHOOK_SECONDS="0.3")
    done = subprocess.run(
        [sys.executable, "-c", ON_GEVENT, *urls], cwd=ROOT, env=env, capture_output=True, text=True, timeout=30
    )
    shakes.close()
    assert done.stdout.splitlines() == ["No response within 0.3 s."] * 3 + ["204"], done.stderr


def test_a_certificate_that_nobody_vouches_for_is_refused(encrypted):
    with pytest.raises(Unsendable, match="certificate is invalid"):
        post(f"https://hooks.example:{encrypted.port}/ok", b"{}", {})
    assert encrypted.received == []
