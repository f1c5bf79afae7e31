"""`{% refused form %}`: a summary, at the top of the page, of the errors in a form further down."""

from django import forms, template

register = template.Library()


@register.inclusion_tag("shell/refused.html")
def refused(form: forms.Form) -> dict[str, object]:
    """Use it above the form: it also gives the first invalid field the focus, even without JavaScript."""
    first = next((field for field in form if field.errors), None)
    if first is not None:
        first.field.widget.attrs["autofocus"] = True
    return {"form": form}
