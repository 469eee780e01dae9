"""The context that every extra page of the admin needs."""

from typing import Any

from django.contrib.admin import ModelAdmin
from django.http import HttpRequest


def page_context(model_admin: ModelAdmin[Any], request: HttpRequest, title: str, **more: Any) -> dict[str, Any]:
    """Return the site's context with the title and the model's `opts`; `more` is what this page adds."""
    return {**model_admin.admin_site.each_context(request), "title": title, "opts": model_admin.opts, **more}
