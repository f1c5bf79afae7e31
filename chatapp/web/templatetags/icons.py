"""`{% icon "copy" %}`: a drawing from templates/shell/icons.html, which a page contains once."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
def icon(name: str, size: int = 18) -> SafeString:
    """`name`: the id of a symbol there, without `i-`; `size`: the width and height, in CSS pixels."""
    drawing = '<svg width="{size}" height="{size}" aria-hidden="true"><use href="#i-{name}"/></svg>'
    return format_html(drawing, name=name, size=size)
