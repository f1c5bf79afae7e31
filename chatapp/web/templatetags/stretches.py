"""Text that is shown as it was written: escaped, and a long one in stretches that a browser lays out apart."""

from django import template
from django.utils.safestring import SafeString, mark_safe

from runs.rendering import stretches

register = template.Library()


@register.filter
def stretched(text: str) -> SafeString:
    """For whatever people, models and files say, wherever it may be long."""
    return mark_safe(stretches.stretched(text))
