"""The proxies' files that are shipped, in front of a real site: only addresses and certificates are other ones."""

import http.client
import re
import socket
import subprocess
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from chatapp.chats.actions import share
from chatapp.chats.models import Session
from tests.browser.window import expect
from tests.harness import parts
from tests.harness.check import check
from tests.harness.facts import wait_until
from tests.harness.people import Person
from tests.harness.plugin import skip_missing
from tests.harness.processes import ROOT, Part, find_program
from tests.harness.stack import WITHOUT_BEAT
from tests.harness.upstream import prompt, spoken

pytestmark = pytest.mark.one_database
NAMES = ["nginx", "caddy"]
CERTIFICATE, KEY = "/etc/ssl/chat.example.org.pem", "/etc/ssl/private/chat.example.org.key"
UPSTREAM = re.compile(r"127\.0\.0\.1:800[01]")


def program(name: str) -> str:
    """Its path; the test is skipped where there is none, and fails in CI."""
    return find_program(name, "/usr/sbin") or skip_missing(
        f"{name} is not installed: its file in deploy/ was not tried"
    )


def write_nginx(directory, site: str) -> list[str]:
    """Around the file, what /etc/nginx/nginx.conf has: with everything it writes in this directory."""
    places = "".join(
        f"{name}_temp_path {directory}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    path = directory / "nginx.conf"
    around = f"daemon off;\nmaster_process off;\npid {directory}/pid;\nerror_log stderr;\nevents {{}}\n"
    site = site.replace("/var/log/nginx", str(directory))
    path.write_text(f"{around}http {{\naccess_log off;\n{places}{site}\n}}\n")
    return [program("nginx"), "-e", "stderr", "-c", str(path)]


def with_certificate(directory, site: str, host: str) -> str:
    certificate, key = a_certificate(host)
    (directory / "site.pem").write_bytes(certificate)
    (directory / "site.key").write_bytes(key)
    return site.replace(CERTIFICATE, str(directory / "site.pem")).replace(KEY, str(directory / "site.key"))


def nginx(directory, port: int, web: str, change=lambda site: site, *, tls: bool = False) -> list[str]:
    site = UPSTREAM.sub(web, change((ROOT / "deploy" / "nginx.conf").read_text()))
    site = site.replace("listen 443 ssl;", f"listen 127.0.0.1:{port}{' ssl' if tls else ''};")
    site = site.replace("listen 80;", f"listen 127.0.0.1:{parts.free_port()};")
    without = re.sub(r"^\s*ssl_.*$", "", site, flags=re.MULTILINE)
    return write_nginx(directory, with_certificate(directory, site, "127.0.0.1") if tls else without)


def caddy(directory, port: int, web: str, change=lambda site: site) -> list[str]:
    site = UPSTREAM.sub(web, change((ROOT / "deploy" / "Caddyfile").read_text()), count=1)
    site = UPSTREAM.sub("", site).replace("chat.example.org {", f"http://127.0.0.1:{port} {{")
    path = directory / "Caddyfile"
    path.write_text(site.replace("{\n", "{\n\tadmin off\n", 1))
    return [program("caddy"), "run", "--adapter", "caddyfile", "--config", str(path)]


@contextmanager
def behind(name: str, stack, directory, *change, **options):
    """The address of the stack behind a proxy."""
    port = parts.free_port()
    argv = {"nginx": nginx, "caddy": caddy}[name](
        directory, port, stack.url.removeprefix("http://"), *change, **options
    )
    env = {"PATH": "/usr/bin:/bin", "HOME": str(directory)}
    proxy = Part(name, argv, directory, env).start()
    try:
        wait_until(lambda: parts.answers(port), f"{name} listens")
        yield f"{'https' if options.get('tls') else 'http'}://127.0.0.1:{port}"
    finally:
        proxy.kill()


@pytest.mark.parametrize("name", NAMES)
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


@pytest.mark.parametrize("name", NAMES)
def test_a_body_that_is_too_large_or_never_comes_ends_at_the_proxy(name, stack, tmp_path):
    def hurry(site: str) -> str:
        assert "client_body_timeout 15s" in site or "read_body 30s" in site
        return site.replace("client_body_timeout 15s", "client_body_timeout 1s").replace(
            "read_body 30s", "read_body 1s"
        )

    with behind(name, stack, tmp_path, hurry) as url:
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, port), timeout=30) as connection:
            head = f"POST /login HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: 1000\r\n\r\nhalf a"
            connection.sendall(head.encode())
            answer = connection.recv(1000)  # nothing at all, or a refusal; without a limit it would wait for ever
            assert answer == b"" or re.match(rb"HTTP/1.1 (408|502|504) ", answer), answer
        with closing(http.client.HTTPConnection(host, port, timeout=30)) as connection, suppress(ConnectionError):
            connection.request("POST", "/login", b"x" * 5_000_000)
            assert connection.getresponse().status in (413, 502)
        assert Person(url, "alice").page("GET", "/").status == 200


SECRETS = ("s3arch-words", "s3same-token", "unkn0wn-token")


@pytest.mark.parametrize(("name", "server"), [("nginx", "daphne"), ("caddy", "uvicorn")])
def test_no_secret_of_an_address_stands_in_any_log(name, server, make_stack, tmp_path):
    """Of the site with its most talkative settings, and of the proxy in front; also when things go wrong."""
    stack = make_stack(("valkey",), server=server, LOG_LEVEL="DEBUG")
    stack.web.argv = [word for word in stack.web.argv if word not in ("--log-level", "warning")]
    stack.start_part(stack.web)
    with behind(name, stack, tmp_path) as url:
        alice = Person(url, "alice")
        session = Session.objects.create(owner=alice.user)
        share(session)
        token = session.share_token
        addresses = [
            f"/shared/{token}",
            f"/%73hared/{token}",
            f"/Shared/{token}",
            f"/shared/{token}/",
            f"//shared/{token}",
        ]
        addresses += ["/shared/unkn0wn-token", f"/login?next=/shared/{token}", "/search?q=s3arch-words"]
        addresses += ["/api/v1/sessions?q=s3arch-words", "/login/link?sesame=s3same-token"]
        addresses += ["/invitation?sesame=s3same-token", "/nowhere?token=s3same-token"]
        headers = {**alice.cookie_header, "Referer": f"{url}/shared/{token}"}
        statuses = [alice.request("GET", address, headers=headers).status for address in addresses]
        assert statuses[0] == statuses[7] == 200 and 404 in statuses
        # a proxy may hang up while it is still being sent, or in its reply
        with suppress(OSError, http.client.HTTPException):
            alice.request("POST", f"/shared/{token}?q=s3arch-words", b"x" * 5_000_000, headers)
        for _ in range(2):  # 405, then nobody behind the proxy
            for address in addresses[:8]:
                alice.request("POST", address, b"", headers)
            stack.web.kill()
    logs = [path for place in (stack.directory, tmp_path) for path in place.rglob("*") if path.suffix == ".log"]
    texts = {path.name: path.read_text(errors="replace") for path in logs}
    assert {name: [secret for secret in (token, *SECRETS) if secret in text] for name, text in texts.items()} == {
        name: [] for name in texts
    }
    assert "/shared/[hidden]" in texts["web.log"] and "/search" in texts["web.log"]
    if name == "nginx":
        assert "/shared/[hidden]" in texts["chatapp.log"] and "/search " in texts["chatapp.log"]


def test_over_tls_a_person_logs_in_and_follows_an_answer_with_cookies_bound_to_the_host(
    make_stack, open_window, tmp_path, settings
):
    """`__Host-` cookies, which only a page over TLS can have: in the form, the script's requests and the WebSocket."""
    stack = make_stack(WITHOUT_BEAT, HTTPS="1")
    with behind("nginx", stack, tmp_path, tls=True) as url:
        alice = stack.person("alice")
        alice.user.set_password("a long and quiet river")
        alice.user.save(update_fields=["password"])
        stack.url = url
        window = open_window(stack, ignore_https_errors=True)
        tab = window.tab
        tab.login(alice.user.username, "a long and quiet river")
        say = prompt(tokens=9, hold=[4])
        tab.start(say)
        expect(tab.answer).to_contain_text(spoken(4).strip())
        stack.upstream.release(say.tag)
        tab.expect_state("complete")
        names = {cookie["name"]: (cookie["secure"], cookie["path"]) for cookie in window.context.cookies()}
        assert names["__Host-chatapp_session"] == names["__Host-csrftoken"] == (True, "/")
        assert not {"chatapp_session", "csrftoken"} & names.keys()


def test_nginx_finds_nothing_wrong_with_the_whole_file(tmp_path):
    site = with_certificate(tmp_path, (ROOT / "deploy" / "nginx.conf").read_text(), "chat.example.org")
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
