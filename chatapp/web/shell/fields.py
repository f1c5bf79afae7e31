"""Form fields that several pages share."""

from django import forms


class PromptField(forms.CharField):
    """Text exactly as typed: not stripped, and with LF line ends (forms send CRLF)."""

    def __init__(self, **kwargs: object) -> None:
        super().__init__(strip=False, **kwargs)

    def to_python(self, value: object) -> str:
        return super().to_python(value).replace("\r\n", "\n")
