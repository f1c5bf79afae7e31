"""The proxies' files that are shipped, in front of a real site: only addresses and certificates are other ones."""

import re
import subprocess
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.harness import parts
from tests.harness.check import check
from tests.harness.facts import wait_until
from tests.harness.people import Person
from tests.harness.processes import ROOT, Part, find_program
from tests.harness.upstream import prompt, spoken

pytestmark = pytest.mark.one_database
PROGRAMS = {name: find_program(name, "/usr/sbin") for name in ("nginx", "caddy")}
INSTALLED = [name for name, program in PROGRAMS.items() if program]
UPSTREAM = re.compile(r"127\.0\.0\.1:800[01]")


def write_nginx(directory, site: str) -> list[str]:
    """Around the file, what /etc/nginx/nginx.conf has: with everything it writes in this directory."""
    places = "".join(
        f"{name}_temp_path {directory}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    path = directory / "nginx.conf"
    around = f"daemon off;\nmaster_process off;\npid {directory}/pid;\nerror_log stderr;\nevents {{}}\n"
    path.write_text(f"{around}http {{\naccess_log off;\n{places}{site}\n}}\n")
    return [PROGRAMS["nginx"], "-e", "stderr", "-c", str(path)]


def nginx(directory, port: int, web: str) -> list[str]:
    site = UPSTREAM.sub(web, (ROOT / "deploy" / "nginx.conf").read_text())
    site = site.replace("listen 443 ssl;", f"listen 127.0.0.1:{port};")
    site = site.replace("listen 80;", f"listen 127.0.0.1:{parts.free_port()};")
    return write_nginx(directory, re.sub(r"^\s*ssl_.*$", "", site, flags=re.MULTILINE))


def caddy(directory, port: int, web: str) -> list[str]:
    site = UPSTREAM.sub(web, (ROOT / "deploy" / "Caddyfile").read_text(), count=1)
    site = UPSTREAM.sub("", site).replace("chat.example.org {", f"http://127.0.0.1:{port} {{")
    path = directory / "Caddyfile"
    path.write_text("{\n\tadmin off\n}\n" + site)
    return [PROGRAMS["caddy"], "run", "--adapter", "caddyfile", "--config", str(path)]


@contextmanager
def behind(name: str, stack, directory):
    """The address of the stack behind a proxy."""
    port = parts.free_port()
    argv = {"nginx": nginx, "caddy": caddy}[name](directory, port, stack.url.removeprefix("http://"))
    env = {"PATH": "/usr/bin:/bin", "HOME": str(directory)}
    proxy = Part(name, argv, directory, env).start()
    try:
        wait_until(lambda: parts.answers(port), f"{name} listens")
        yield f"http://127.0.0.1:{port}"
    finally:
        proxy.kill()


@pytest.mark.parametrize("name", INSTALLED)
def test_what_is_written_passes_a_proxy_at_once_over_both_ways_and_figures_stay_inside(name, stack, tmp_path):  # B31
    with behind(name, stack, tmp_path) as url:
        alice, charlie = Person(url, "alice"), Person(url, "charlie")
        say = prompt(tokens=9, hold=[4])
        run = alice.send(say)
        followers = [alice.follow(run), alice.follow_page(run), alice.follow_ws(run)]
        for follower in followers:  # a proxy that buffers would keep these few words until the end
            follower.wait_for_text(spoken(4))
        stack.upstream.release(say.tag)
        assert check(run, *followers).status == "completed"
        assert charlie.page("GET", "/metrics").status == 404
        assert alice.page("GET", "/").status == 200
        silent = alice.send(prompt(tokens=9, stall_after=2))
        alice.follow_ws(silent).wait_for_text(spoken(2))
        assert alice.stop(silent).status == 202
        assert check(silent).status == "stopped"
        alice.leave()


if "nginx" in INSTALLED:

    def test_nginx_finds_nothing_wrong_with_the_whole_file(tmp_path):
        certificate, key = a_certificate("chat.example.org")
        (tmp_path / "site.pem").write_bytes(certificate)
        (tmp_path / "site.key").write_bytes(key)
        site = (ROOT / "deploy" / "nginx.conf").read_text()
        site = site.replace("/etc/ssl/chat.example.org.pem", str(tmp_path / "site.pem"))
        site = site.replace("/etc/ssl/private/chat.example.org.key", str(tmp_path / "site.key"))
        done = subprocess.run([*write_nginx(tmp_path, site), "-t"], capture_output=True, text=True, timeout=60)
        assert "syntax is ok" in done.stderr
        assert not re.search(r"\[(warn|error|emerg)\](?!.*(permission|bind))", done.stderr, re.IGNORECASE), done.stderr


def a_certificate(host: str) -> tuple[bytes, bytes]:
    """Self-signed, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    pem = serialization.Encoding.PEM
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return made.sign(key, hashes.SHA256()).public_bytes(pem), key.private_bytes(pem, *private)
