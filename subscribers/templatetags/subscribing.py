from typing import Any

from django import template
from django.template import Context

from subscribers.pages.link_forms import LinkForm
from subscribers.pages.subscribe_forms import SubscribeForm

register = template.Library()


@register.inclusion_tag("subscribers/_box.html")
def subscribe_box() -> dict[str, Any]:
    """Show the box that pages of papers carry."""
    return {"form": SubscribeForm()}


@register.inclusion_tag("subscribers/_link_form.html", takes_context=True)
def link_form(context: Context) -> dict[str, Any]:
    """Show the form that asks for a link by mail, with what was typed into it if anything was."""
    form = context.get("form")
    return {"form": form if isinstance(form, LinkForm) else LinkForm()}
