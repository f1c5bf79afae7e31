"""How a session asks its model: system prompt, temperature, and the longest answer."""

from django import forms

from chatapp.chats.models import Session

SYSTEM_PROMPT_CHARACTERS = 20_000
MAX_TOKENS = 1_000_000  # more than any model writes at once


class TuningForm(forms.ModelForm):
    """What is left empty is as the model has it."""

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
        label="Longest answer, in tokens",
        required=False,
        min_value=1,
        max_value=MAX_TOKENS,
        widget=forms.NumberInput(attrs={"placeholder": "no limit", "autocomplete": "off"}),
    )

    class Meta:
        model = Session
        fields = ["system_prompt", "temperature", "max_tokens"]

    def __init__(self, *args, belongs_to: str = "", **kwargs) -> None:
        """`belongs_to`: the id of the form that the fields are sent with, where they stand outside of it."""
        super().__init__(*args, **kwargs)
        if belongs_to:
            for field in self.fields.values():
                field.widget.attrs["form"] = belongs_to

    @property
    def sentence(self) -> str:
        """What is wrong, in one line."""
        return " ".join(f"{self[name].label}: {errors[0]}" for name, errors in self.errors.items())

    def save_to(self, session: Session) -> None:
        """Set what was posted; the form is valid."""
        for name in self.fields:
            setattr(session, name, self.cleaned_data[name])
        session.save(update_fields=list(self.fields))


def is_tuned(session: Session) -> bool:
    """Whether the session asks otherwise than its model is set up."""
    return bool(session.system_prompt) or session.temperature is not None or session.max_tokens is not None
