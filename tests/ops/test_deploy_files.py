"""The files under deploy/ that others run: they parse, and what they name exists."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.architecture.test_settings import settings_from_the_environment
from tests.harness.processes import ROOT

DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
COMPOSE = DEPLOY / "containers" / "compose.yaml"
OF_OTHERS = {"OPENAI_API_KEY"}  # keys of providers are named by whoever adds them


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
    done = subprocess.run([sys.executable, *words[1:], "--help"], cwd=ROOT, capture_output=True, text=True, timeout=60)
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


if shutil.which("systemd-analyze"):

    @pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
    def test_systemd_finds_nothing_wrong_with_a_unit(unit, tmp_path):
        name = unit.name.replace("@.", "@1.")
        (tmp_path / name).write_text(unit.read_text().replace("/srv/chatapp/.venv/bin/python", sys.executable))
        argv = ["systemd-analyze", "verify", "--man=no", str(tmp_path / name)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
        assert [line for line in done.stderr.splitlines() if unit.name.split("@")[0] in line] == []


if shutil.which("docker-compose"):

    def test_compose_finds_nothing_wrong(tmp_path):
        """The name is left out for docker-compose 1, which Debian has and which knows no names."""
        lines = COMPOSE.read_text().replace("context: ../..", f"context: {ROOT}").splitlines(keepends=True)
        path = tmp_path / "compose.yaml"
        path.write_text("".join(line for line in lines if not line.startswith("name: ")))
        argv = ["docker-compose", "-f", str(path), "config", "--quiet"]
        env = {"PATH": os.environ["PATH"], "SECRET_KEY": "a key", "DATABASE_PASSWORD": "a password"}
        done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")
        # It should refuse to start with nothing instead of a key.
        done = subprocess.run(argv, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, timeout=60)
        assert "SECRET_KEY" in done.stderr + done.stdout and done.returncode != 0
