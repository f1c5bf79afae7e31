"""`manage.py doctor`: check each part of the site, and say how to fix it."""

from collections.abc import Iterator

from django.conf import settings
from django.core import checks
from django.core.management.base import BaseCommand
from health_check.exceptions import ServiceUnavailable

from chatapp.ops import local_model
from chatapp.ops.readiness import CHECKS
from runs import key_storage
from runs.models import Model, Provider
from runs.upstream.servers import probe

Line = tuple[str, str, str]  # part, fault (empty if none), remedy


class Command(BaseCommand):
    help = "Check each part of the site, and print OK or how to fix it. Exit code 1 if anything is wrong."
    requires_system_checks = []  # their results are part of the output

    def add_arguments(self, parser):
        parser.add_argument("--offline", action="store_true", help="don't connect to the model servers")

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
    errors = [message for message in checks.run_checks() if message.level >= checks.ERROR]
    if not errors:
        yield "settings", "", ""
    for message in errors:
        yield "settings", f"{message.msg} ({message.id})", message.hint or "See docs/deploying.md."


def _parts() -> Iterator[Line]:
    for part in CHECKS:
        try:
            part().run()
        except ServiceUnavailable as error:
            yield part.name, error.message, part.remedy
            if part.name == "database":
                return  # the other checks need the database
        else:
            yield part.name, "", ""


def _models(offline: bool) -> Iterator[Line]:
    try:
        is_any = Model.objects.filter(enabled=True).exists()
        providers = list(Provider.objects.filter(models__enabled=True).distinct())
    except Exception:  # without a database, or before its migrations: reported above
        return
    remedy = f"Add one: {settings.COMMAND} add_provider NAME --base-url … --model …"
    yield "models", "" if is_any else "no model is enabled", remedy
    for provider in providers:
        name = f"provider {provider.name}"
        if provider.key_fault:
            yield name, provider.key_fault, "See “Keys” in docs/providers.md. Until then its runs fail."
        elif provider.key == "" and provider.key_env == local_model.KEY_ENV:
            yield name, "", ""  # a new key each start, known only to the processes of `make run`
        elif provider.key == "":
            yield name, f"{provider.key_env} is not set here", "Set it where the workers run, and here."
        elif not offline:
            yield name, *_answers(provider)
        if provider.stored_key and not provider.key_fault and not key_storage.is_current(provider.stored_key):
            remedy = (
                f"Run {settings.COMMAND} rotate_keys; then the earlier SECRET_KEY can go from SECRET_KEY_FALLBACKS."
            )
            yield f"key of {provider.name}", "it is encrypted with an earlier SECRET_KEY", remedy


def _answers(provider: Provider) -> tuple[str, str]:
    """What is wrong with an answer of one token, and the remedy: the provider's first model is asked."""
    model = Model.objects.enabled().filter(provider=provider).select_related("provider").first()
    if model is None:  # disabled meanwhile
        return "", ""
    result = probe.probe_model(model)
    if result.is_ok:
        return "", ""
    return f"{model.label}: {result.text}", f"Check {provider.base_url}, and that the server runs and has this model."
