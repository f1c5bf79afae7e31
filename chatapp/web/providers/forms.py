"""Forms of providers and models."""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from runs import provider_keys
from runs.models import Model, Provider
from runs.upstream.servers.presets import Preset

MAX_KEY_CHARACTERS = 2_000
MAX_CHOSEN = 2_000  # models of one provider
PLAIN_TEXT = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}

NONE, STORED, VARIABLE = "none", "stored", "variable"
KEYS = [
    (NONE, "No key"),
    (STORED, "A key, stored here and encrypted"),
    (VARIABLE, "A key from an environment variable"),
]


class ProviderForm(forms.Form):
    """A provider's name, address and key. A stored key is never rendered; an empty field keeps it."""

    label = forms.CharField(label="Name", max_length=100)
    base_url = forms.CharField(
        label="Address",
        max_length=500,
        help_text="Up to and including /v1.",
        widget=forms.TextInput(attrs={**PLAIN_TEXT, "inputmode": "url"}),
    )
    key_kind = forms.ChoiceField(label="Key", choices=KEYS, widget=forms.RadioSelect)
    key = forms.CharField(
        label="Key",
        required=False,
        max_length=MAX_KEY_CHARACTERS,
        widget=forms.PasswordInput(attrs={**PLAIN_TEXT, "autocomplete": "new-password"}),
    )
    key_env = forms.CharField(
        label="Name of the variable",
        required=False,
        max_length=100,
        help_text="It must be set where the web servers and workers run.",
        widget=forms.TextInput(attrs=PLAIN_TEXT),
    )
    sends_key = forms.BooleanField(label="Send this key to the new address", required=False)

    def __init__(self, data: Any = None, *, provider: Provider, preset: Preset | None = None) -> None:
        self.provider, self.preset = provider, preset
        self._address_before = provider.base_url
        super().__init__(data, initial=self._initial())
        if not provider.key_env:
            del self.fields["sends_key"]
        if provider.stored_key:
            self.fields["key"].help_text = "A key is stored. Leave blank to keep it."
            self.fields["key"].label = "New key"

    def _initial(self) -> dict[str, object]:
        provider, preset = self.provider, self.preset
        if preset is not None and provider.pk is None:
            kind = STORED if preset.key_env else NONE
            return {"label": preset.label, "base_url": preset.base_url, "key_kind": kind, "key_env": preset.key_env}
        kind = STORED if provider.stored_key else VARIABLE if provider.key_env else NONE
        values = {name: getattr(provider, name) for name in ("base_url", "key_env")}
        return values | {"label": str(provider), "key_kind": kind}

    def clean_label(self) -> str:
        return " ".join(self.cleaned_data["label"].split())

    def clean_key(self) -> str:
        key = self.cleaned_data["key"].strip()
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise ValidationError("A key contains only letters, digits and symbols, and no spaces.")
        return key

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if self.errors:
            return values
        provider = self.provider
        provider.label, provider.base_url = values["label"], values["base_url"].strip().rstrip("/")
        is_moved = provider_keys.origin_of(self._address_before) != provider.origin
        {NONE: self._use_none, STORED: self._store, VARIABLE: self._use_variable}[values["key_kind"]](values, is_moved)
        if not self.errors:
            self._check_provider()
        return values

    def _use_none(self, values: dict[str, Any], is_moved: bool) -> None:
        self.provider.stored_key = self.provider.key_env = ""

    def _store(self, values: dict[str, Any], is_moved: bool) -> None:
        if provider_fault := self.provider.address_fault:
            self.add_error("base_url", provider_fault)
        elif values["key"]:
            self.provider.store_key(values["key"])
        elif not self.provider.stored_key:
            self.add_error("key", "Enter the key.")
        elif is_moved and self._address_before:
            self.add_error("key", f"The stored key is for {self._address_before}. Enter one for the new address.")
        elif self.provider.key_fault:
            self.add_error("key", self.provider.key_fault)

    def _use_variable(self, values: dict[str, Any], is_moved: bool) -> None:
        name = values["key_env"].strip()
        if not name:
            self.add_error("key_env", "Enter the name of the variable.")
        elif is_moved and name == self.initial.get("key_env") and self.provider.pk and not values.get("sends_key"):
            self.add_error(
                "sends_key", f"{name} was for {self._address_before}. Confirm that it may be sent elsewhere."
            )
        self.provider.key_env, self.provider.stored_key = name, ""

    def _check_provider(self) -> None:
        try:
            self.provider.full_clean()
        except ValidationError as error:
            for name, messages in error.message_dict.items():
                self.add_error(name if name in self.fields else None, messages)


class ChosenModelsForm(forms.Form):
    """Which models of a server are offered: boxes for those it lists, and a field for others."""

    others = forms.CharField(
        label="Other models, one per line",
        required=False,
        max_length=20_000,
        help_text="Names of models that aren’t in the list.",
        widget=forms.Textarea(attrs={"rows": 2, **PLAIN_TEXT}),
    )

    def __init__(self, *args: Any, listed: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.listed = listed
        self.fields["models"] = forms.MultipleChoiceField(
            choices=[(name, name) for name in listed], required=False, widget=forms.CheckboxSelectMultiple
        )

    def clean_others(self) -> list[str]:
        lines = [line.strip() for line in self.cleaned_data["others"].splitlines()]
        names = list(dict.fromkeys(line for line in lines if line))
        if wrong := next((name for name in names if len(name) > 200 or not name.isprintable()), None):
            raise ValidationError(f"“{wrong[:50]}” isn’t a model’s name.")
        return names

    def chosen(self) -> list[str]:
        """The form must be valid."""
        return list(dict.fromkeys([*self.cleaned_data["models"], *self.cleaned_data["others"]]))[:MAX_CHOSEN]


KNOWN_OR_NOT = ("has_chat", "has_vision", "has_tools", "has_reasoning")
UNKNOWN_YES_NO = [("", "Unknown"), ("true", "Yes"), ("false", "No")]


class ModelForm(forms.ModelForm):
    class Meta:
        model = Model
        fields = [
            "label",
            "enabled",
            "position",
            "groups",
            "system_prompt",
            "context_window",
            "input_price",
            "output_price",
            "has_chat",
            "has_vision",
            "has_tools",
            "has_reasoning",
        ]
        labels = {
            "label": "Name shown to users",
            "enabled": "Offer this model",
            "groups": "Who can use it",
            "input_price": "Price per million input tokens",
            "output_price": "Price per million output tokens",
            "has_chat": "Answers in chats",
            "has_vision": "Understands images",
            "has_tools": "Calls tools",
            "has_reasoning": "Reasons before answering",
        }
        help_texts = {"label": "", "groups": "Only members of these groups. If none is chosen, everyone."}
        widgets = {
            "groups": forms.CheckboxSelectMultiple,
            "system_prompt": forms.Textarea(attrs={"rows": 3}),
            **dict.fromkeys(KNOWN_OR_NOT, forms.Select(choices=UNKNOWN_YES_NO)),
        }

    def clean_label(self) -> str:
        return re.sub(r"\s+", " ", self.cleaned_data["label"]).strip()
