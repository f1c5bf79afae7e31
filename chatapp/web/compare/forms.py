"""The form that starts a comparison."""

import hashlib
from uuid import uuid4

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from chatapp.compare.actions import LEAST_PANES
from chatapp.compare.contenders import Contender
from chatapp.compare.models import MAX_PANES, Comparison
from chatapp.web.shell.fields import PromptField
from runs.models import Model

PROMPT = {"rows": 3, "placeholder": "Ask a question", "data-text-field": True}
ORDERS = [("parallel", "All at once"), ("sequential", "One after another")]


MODEL = {"list": "models", "placeholder": "None", "autocomplete": "off", "spellcheck": "false", "data-model-field": ""}


class ModelField(forms.CharField):
    """A model by its name, or by its label if only one has it. All rows share the page's one list of models."""

    models: list[Model]  # those that the user may use

    def clean(self, value: str) -> Model | None:
        text = super().clean(value)
        named = [model for model in self.models if model.name == text]
        matches = named or [model for model in self.models if model.label == text]
        if text and len(matches) != 1:
            raise ValidationError("Choose a model from the list.")
        return matches[0] if text else None


class ContenderForm(forms.Form):
    """A model and its settings. A row without a model is empty."""

    use_required_attribute = False
    model = ModelField(required=False, max_length=100, widget=forms.TextInput(attrs=MODEL))
    temperature = forms.FloatField(min_value=0, max_value=2, required=False)
    max_tokens = forms.IntegerField(min_value=1, max_value=1_000_000, required=False, label="Maximum length, in tokens")
    system_prompt = forms.CharField(max_length=20_000, required=False, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, *args: object, models: list[Model], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["model"].models = models

    def clean(self) -> dict[str, object]:
        values = super().clean()
        if "model" in self.errors:
            return values
        if not values.get("model") and any(values.get(name) not in (None, "") for name in self.fields):
            raise ValidationError("Choose a model for these settings.")
        return values

    @property
    def contender(self) -> Contender | None:
        values = self.cleaned_data
        return Contender(**values) if values.get("model") else None

    @property
    def has_settings(self) -> bool:
        """Whether a field in the collapsed part has a value or an error."""
        names = ("temperature", "max_tokens", "system_prompt")
        return any(self[name].value() not in (None, "") or self[name].errors for name in names)


class Contenders(forms.BaseFormSet):
    def clean(self) -> None:
        if any(self.errors):
            return
        labels = [contender.label for contender in self.chosen]
        if len(labels) < LEAST_PANES:
            raise ValidationError("Choose at least two models to compare.")
        if len(set(labels)) < len(labels):
            raise ValidationError("Two of these are identical. Change a setting or choose another model.")

    @property
    def first_rows(self) -> list[ContenderForm]:
        return self.forms[:LEAST_PANES]

    @property
    def more_rows(self) -> list[ContenderForm]:
        """Collapsed until needed."""
        return self.forms[LEAST_PANES:]

    @property
    def has_more(self) -> bool:
        return any(row["model"].value() or row.has_settings for row in self.more_rows)

    @property
    def chosen(self) -> list[Contender]:
        return [form.contender for form in self.forms if form.contender]


ContenderFormSet = forms.formset_factory(
    ContenderForm, Contenders, extra=0, min_num=MAX_PANES, max_num=MAX_PANES, absolute_max=MAX_PANES
)


class ComparisonForm(forms.Form):
    use_required_attribute = False
    prompt = PromptField(label="Question", required=False, widget=forms.Textarea(attrs=PROMPT))
    is_blind = forms.BooleanField(required=False, initial=True, label="Blind: hide model names until you vote")
    order = forms.ChoiceField(choices=ORDERS, initial="parallel", widget=forms.RadioSelect)
    key = forms.CharField(max_length=64, required=False, widget=forms.HiddenInput, initial=lambda: uuid4().hex)


def posted_contenders(data: QueryDict, models: list[Model]) -> Contenders:
    return ContenderFormSet(data, prefix="c", form_kwargs={"models": models})


def empty_contenders(models: list[Model], like: Comparison | None = None) -> Contenders:
    """The rows of a new form: the contenders of the comparison `like`, else the first two models."""
    initial = _contenders_of(like, models) if like is not None else _first_models(models)
    initial += [{}] * (MAX_PANES - len(initial))
    return ContenderFormSet(initial=initial, prefix="c", form_kwargs={"models": models})


def _first_models(models: list[Model]) -> list[dict]:
    """The first two models, or a single model twice, to compare settings."""
    return [{"model": models[min(index, len(models) - 1)].name} for index in range(LEAST_PANES)] if models else []


def _contenders_of(comparison: Comparison, models: list[Model]) -> list[dict]:
    """Sorted by name, so that the order reveals nothing; the first models if names are still hidden."""
    if comparison.hides_models:
        return _first_models(models)
    panes = comparison.panes.exclude(session=None).select_related("session").order_by("contender")
    names = ("temperature", "max_tokens", "system_prompt")
    return [{"model": pane.model_name} | {name: getattr(pane.session, name) for name in names} for pane in panes]


def idempotency_key(form: ComparisonForm, contenders: Contenders) -> str:
    """The key under which a comparison starts only once. It covers the content, since Back restores the form's key."""
    key = form.cleaned_data["key"]
    parts = [key, form.cleaned_data["prompt"], *(contender.label for contender in contenders.chosen)]
    return hashlib.sha256("\0".join(parts).encode(errors="replace")).hexdigest() if key else ""
