"""`{% refused form %}`: at the top of a page, what was wrong with a form further down."""

from django import forms, template

register = template.Library()


@register.inclusion_tag("shell/refused.html")
def refused(form: forms.Form) -> dict[str, object]:
    """To be used above the form: the first field with an error will have the focus, without a script as well."""
    first = next((field for field in form if field.errors), None)
    if first is not None:
        first.field.widget.attrs["autofocus"] = True
    return {"form": form}
