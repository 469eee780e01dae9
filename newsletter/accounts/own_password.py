"""The admin page where people change their own password. It asks for the old one."""

from django.contrib import admin
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from newsletter import audit


@admin.site.admin_view
def change(request: HttpRequest) -> HttpResponseBase:
    """Serve the admin's page, and record a change in the audit log."""
    response = admin.site.password_change(request)
    if response.status_code == 302 and isinstance(request.user, User):
        audit.record(request.user, request.user, "changed", {"password": ""}, {"password": "changed"})
    return response
