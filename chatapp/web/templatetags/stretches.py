"""Plain text, escaped; long text is split into stretches that a browser lays out separately."""

from django import template
from django.utils.safestring import SafeString, mark_safe

from runs.rendering import stretches

register = template.Library()


@register.filter
def stretched(text: str) -> SafeString:
    """Use it for long text by users, by models or from files."""
    return mark_safe(stretches.stretched(text))
