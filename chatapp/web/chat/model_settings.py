"""Model settings of a session: system prompt, temperature, maximum length of an answer, reasoning effort."""

from collections.abc import Iterable

from django import forms

from chatapp.chats.models import Effort, Session
from runs.models import Model

SYSTEM_PROMPT_CHARACTERS = 20_000
MAX_TOKENS = 1_000_000  # more than any model generates in one answer


class ModelSettingsForm(forms.ModelForm):
    """Empty fields use the model's defaults."""

    system_prompt = forms.CharField(
        label="System prompt",
        required=False,
        max_length=SYSTEM_PROMPT_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 4, "autocomplete": "off"}),
    )
    temperature = forms.FloatField(
        label="Temperature",
        required=False,
        min_value=0,
        max_value=2,
        widget=forms.NumberInput(attrs={"step": "any", "placeholder": "0 to 2", "autocomplete": "off"}),
    )
    max_tokens = forms.IntegerField(
        label="Maximum length, in tokens",
        required=False,
        min_value=1,
        max_value=MAX_TOKENS,
        widget=forms.NumberInput(attrs={"placeholder": "No limit", "autocomplete": "off"}),
    )

    reasoning_effort = forms.ChoiceField(
        label="Reasoning effort",
        required=False,
        choices=[("", "The model’s default"), *Effort.choices],
        widget=forms.Select(attrs={"autocomplete": "off"}),
    )

    class Meta:
        model = Session
        fields = ["system_prompt", "temperature", "max_tokens", "reasoning_effort"]

    def __init__(self, *args: object, models: Iterable[Model] = (), form_id: str = "", **kwargs: object) -> None:
        """`models`: those that the user can choose; none of them reasons: nor is there an effort. `form_id`: the HTML
        form that submits the fields, if they are outside it."""
        super().__init__(*args, **kwargs)
        if not any(model.has_reasoning for model in models):
            del self.fields["reasoning_effort"]
        if form_id:
            for field in self.fields.values():
                field.widget.attrs["form"] = form_id

    @property
    def error_text(self) -> str:
        """All errors in one line."""
        return " ".join(f"{self[name].label}: {errors[0]}" for name, errors in self.errors.items())

    def save_to(self, session: Session) -> None:
        """Save the settings; the form must be valid."""
        for name in self.fields:
            setattr(session, name, self.cleaned_data[name])
        session.save(update_fields=list(self.fields))


def has_model_settings(session: Session) -> bool:
    """Whether any setting differs from the model's defaults."""
    numbers = (session.temperature, session.max_tokens)
    return bool(session.system_prompt or session.reasoning_effort) or numbers != (None, None)
