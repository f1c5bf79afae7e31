"""`manage.py doctor`: each part of the site, OK or what to do."""

from collections.abc import Iterator

from django.conf import settings
from django.core import checks
from django.core.management.base import BaseCommand
from health_check.exceptions import ServiceUnavailable

from chatapp.ops import local_model
from chatapp.ops.readiness import PARTS
from runs.models import Model, Provider
from runs.upstream import probe

Line = tuple[str, str, str]  # what it is, what is wrong with it (empty: nothing), what to do


class Command(BaseCommand):
    help = "Look at each part of the site. Says OK or what to do; exit code 1 if anything is wrong."
    requires_system_checks = []  # it tells their results itself

    def add_arguments(self, parser):
        parser.add_argument("--offline", action="store_true", help="don't ask the model servers")

    def handle(self, *, offline, **options):
        wrong = 0
        for name, fault, remedy in [*_checks(), *_parts(), *_models(offline)]:
            wrong += bool(fault)
            self.stdout.write(f"{'WRONG' if fault else 'OK':6} {name}{': ' + fault if fault else ''}")
            if fault:
                self.stdout.write(f"       → {remedy}")
        if wrong:
            raise SystemExit(1)


def _checks() -> Iterator[Line]:
    found = [message for message in checks.run_checks() if message.level >= checks.ERROR]
    if not found:
        yield "settings", "", ""
    for message in found:
        yield "settings", f"{message.msg} ({message.id})", message.hint or "See docs/deploying.md."


def _parts() -> Iterator[Line]:
    for part in PARTS:
        try:
            part().run()
        except ServiceUnavailable as error:
            yield part.name, error.message, part.remedy
            if part.name == "database":
                return  # the others would only say the same
        else:
            yield part.name, "", ""


def _models(offline: bool) -> Iterator[Line]:
    try:
        is_any = Model.objects.filter(enabled=True).exists()
        providers = list(Provider.objects.filter(models__enabled=True).distinct())
    except Exception:  # without a database, or before its migrations: told above
        return
    remedy = f"Add one: {settings.COMMAND} add_provider NAME --base-url … --model …"
    yield "models", "" if is_any else "none is enabled", remedy
    for provider in providers:
        name = f"provider {provider.name}"
        if provider.key_fault:
            yield name, provider.key_fault, "See “Keys of providers” in docs/deploying.md. Its runs fail until then."
        elif provider.key == "" and provider.key_env == local_model.KEY_ENV:
            yield name, "", ""  # only the processes that `make run` has started know it
        elif provider.key == "":
            yield name, f"{provider.key_env} is not set here", "Set it where the workers run, and here."
        elif not offline:
            found = probe.probe_provider(provider)
            yield name, "" if found.is_ok else found.text, f"Is {provider.base_url} right, and does the server run?"
