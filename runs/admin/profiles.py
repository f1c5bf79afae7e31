"""What servers and models accept, for staff: the shipped profile, their own layers, and what was learned."""

import json

from django import forms
from django.contrib import admin
from django.utils.html import format_html_join

from runs.models import Model
from runs.upstream.profiles.profile import Profile, fault_of, layer_of, profile_of, server_name


class ProfileForm(forms.ModelForm):
    """Refuses a profile that would be ignored."""

    def clean_profile(self):
        layer = self.cleaned_data["profile"] or {}
        if fault := fault_of(layer):
            raise forms.ValidationError(fault)
        return layer


class RefusalFilter(admin.SimpleListFilter):
    title = "did its server refuse something?"
    parameter_name = "refusals"

    def lookups(self, request, model_admin):
        return [("yes", "yes, and requests were adapted")]

    def queryset(self, request, queryset):
        return queryset.filter(learned__has_key="notes") if self.value() == "yes" else queryset


def effective_profile(model: Model) -> str:
    """What requests to the model are like, where that differs from OpenAI's protocol."""
    default, profile = layer_of(Profile()), layer_of(profile_of(model))
    changed = {name: value for name, value in profile.items() if value != default[name]}
    if "omit" in changed:
        changed["omit"] = sorted(changed["omit"])
    return f"{server_name(model.provider)}: {json.dumps(changed) if changed else 'nothing special'}"


def learned_note(model: Model) -> str:
    """What its server has refused, in the server's words, newest last."""
    notes = ((note["at"][:10], note["about"], note["message"]) for note in model.learned.get("notes", []))
    lines = format_html_join("", "<p>{}: <strong>{}</strong> is adapted because of: {}</p>", notes)
    figures = {name: model.learned[name] for name in ("context_window", "bytes_per_token") if name in model.learned}
    return lines + format_html_join("", "<p>{}: {}</p>", figures.items()) or "nothing"
