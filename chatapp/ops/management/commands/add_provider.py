"""`manage.py add_provider`: add or update a model server from the command line. Idempotent."""

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from runs.errors import RunError
from runs.models import Model, Provider
from runs.upstream.exchange import required_key
from runs.upstream.servers.catalog import add_provider, make_default
from runs.upstream.servers.model_list import describe_failure, fetch_models
from runs.upstream.servers.presets import PRESETS, find_preset

MAX_LISTED = 40  # names of models in a message


class Command(BaseCommand):
    help = "Add a model server (OpenAI-compatible) and its models, or update them."

    def add_arguments(self, parser):
        known = ", ".join(preset.name for preset in PRESETS)
        parser.add_argument("name", help=f"its name on this site: letters, digits, hyphens. Known by name: {known}")
        parser.add_argument("--base-url", help="e.g. http://127.0.0.1:11434/v1; not needed for those known by name")
        parser.add_argument(
            "--key-env", help="name of the environment variable that holds the key; never the key itself"
        )
        parser.add_argument(
            "--model",
            action="append",
            help="name of a model on the server; may be repeated. Without one the server's models are listed",
        )
        parser.add_argument("--label", help="name of the model for users; with one --model only")
        parser.add_argument("--default", action="store_true", help="make the (first) model the default")

    def handle(self, *, name, base_url, key_env, model, label, default, **options):
        base_url, key_env = _completed(name, base_url, key_env)
        if not model:
            raise CommandError(_models_to_choose_from(name, base_url, key_env))
        if label and len(model) > 1:
            raise CommandError("--label needs exactly one --model.")
        try:
            with transaction.atomic():
                models = add_provider(name, base_url, key_env, model)
                if label:
                    _set_label(models[0], label)
        except ValidationError as error:
            raise CommandError(_explain(error)) from None
        if default or not Model.objects.filter(is_default=True).exists():
            make_default(models[0])
        self._report(models[0].provider, models)

    def _report(self, provider: Provider, models: list[Model]) -> None:
        self.stdout.write(f"Provider {provider.name}: {provider.base_url}")
        for model in models:
            mark = " (default)" if model.is_default else ""
            self.stdout.write(f"  {model.name}: {model.label}{mark}")
        if provider.key == "":
            self.stderr.write(
                f"The variable {provider.key_env} is not set here. Set it where the workers run, or every answer "
                "will fail with provider_key_missing."
            )


def _completed(name: str, base_url: str | None, key_env: str | None) -> tuple[str, str | None]:
    """The address and the key variable, as far as they were not given: the provider's, else those of the preset."""
    if base_url is not None:
        return base_url, key_env
    if provider := Provider.objects.filter(name=name).first():
        return provider.base_url, key_env
    preset = find_preset(name)
    if preset is None:
        raise CommandError(f"{name} is not known by name: --base-url is needed.")
    if "RESOURCE" in preset.base_url:
        raise CommandError(f"{preset.label} needs --base-url, such as {preset.base_url}. {preset.address_note}")
    return preset.base_url, preset.key_env if key_env is None else key_env


def _models_to_choose_from(name: str, base_url: str, key_env: str | None) -> str:
    provider = Provider.objects.filter(name=name, base_url=base_url).first() or Provider(base_url=base_url)
    provider.key_env = provider.key_env if key_env is None else key_env
    try:
        names = [model.id for model in fetch_models(base_url, required_key(provider))]
    except RunError as error:
        return f"--model is needed. The server's models cannot be listed: {describe_failure(error)}"
    rest = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    return f"--model is needed. {base_url} has {', '.join(names[:MAX_LISTED]) or 'no models'}{rest}."


def _set_label(model: Model, label: str) -> None:
    model.label = label
    model.full_clean()
    model.save(update_fields=["label"])


_OPTIONS = {"name": "NAME", "base_url": "--base-url", "key_env": "--key-env", "upstream_id": "--model"}


def _explain(error: ValidationError) -> str:
    return " ".join(
        f"{_OPTIONS.get(field, f'--{field}')}: {' '.join(messages)}" for field, messages in error.message_dict.items()
    )
