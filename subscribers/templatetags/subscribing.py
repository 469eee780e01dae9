from typing import Any

from django import template
from django.template import Context

from subscribers.pages.link_forms import LinkForm
from subscribers.pages.subscribe_forms import SubscribeForm

register = template.Library()


@register.inclusion_tag("subscribers/_box.html")
def subscribe_box() -> dict[str, Any]:
    """Render the sign-up form for pages of papers."""
    return {"form": SubscribeForm()}


@register.inclusion_tag("subscribers/_link_form.html", takes_context=True)
def link_form(context: Context) -> dict[str, Any]:
    """Render the form that requests a link by mail, with the values and errors of the last post."""
    form = context.get("form")
    return {"form": form if isinstance(form, LinkForm) else LinkForm()}
