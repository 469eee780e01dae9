from typing import Any

from django import template

from subscribers.forms import SubscribeForm

register = template.Library()


@register.inclusion_tag("subscribers/_box.html")
def subscribe_box() -> dict[str, Any]:
    """Show the box that pages of papers carry."""
    return {"form": SubscribeForm()}
