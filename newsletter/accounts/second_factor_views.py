"""The pages between the password and the admin: set up a second factor, and enter its code."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import quote, urlencode

import django_otp
from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from unfold.widgets import UnfoldAdminTextInputWidget

from newsletter.accounts import second_factor

SESSION_KEY = "second_factor_key"  # where the session keeps a new key until a code proves that an app has it
DOWNLOAD_ATTRIBUTE = mark_safe('download="recovery-codes.txt"')
View = Callable[[HttpRequest], HttpResponse]


class CodeForm(forms.Form):
    code = forms.CharField(
        label="Code",
        max_length=40,
        widget=UnfoldAdminTextInputWidget(
            attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": "", "spellcheck": "false"}
        ),
        error_messages={"required": "Type the code."},
    )

    def __init__(self, *args: Any, is_recovery: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if is_recovery:
            self.fields["code"].label = "Recovery code"
            self.fields["code"].widget.attrs |= {"inputmode": "text", "autocomplete": "off", "autocapitalize": "none"}


def staff_only(view: View) -> View:
    """Let in staff who have given their password, whether or not they have shown a second factor."""

    @wraps(view)
    def inside(request: HttpRequest) -> HttpResponse:
        if not admin.site.has_permission(request):
            return redirect_to_login(request.get_full_path(), reverse("admin:login"))
        return view(request)

    return never_cache(sensitive_post_parameters("code")(inside))


@staff_only
def enter_code(request: HttpRequest) -> HttpResponse:
    """Ask for a code of the app, or with ?recovery for a recovery code."""
    user: Any = request.user
    if user.is_verified() or not second_factor.is_set_up(user):
        return HttpResponseRedirect(url_after(request) if user.is_verified() else set_up_url(request))
    is_recovery = "recovery" in request.GET
    form = CodeForm(request.POST or None, is_recovery=is_recovery)
    if request.method == "POST" and form.is_valid():
        found = second_factor.check_code(user, form.cleaned_data["code"])
        if found.device:
            return mark_verified(request, found.device)
        form.add_error("code", error_message(found.wait_seconds, is_recovery))
    return render_page(request, "enter", form, is_recovery=is_recovery)


@staff_only
def set_up(request: HttpRequest) -> HttpResponse:
    """Show a new key, and store it once a code proves that an app has it."""
    user: Any = request.user
    if second_factor.is_set_up(user) and not user.is_verified():
        return HttpResponseRedirect(f"{reverse('second_factor')}?{urlencode({'next': url_after(request)})}")
    key = request.session.setdefault(SESSION_KEY, second_factor.new_key())
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        done = second_factor.set_up(user, key, form.cleaned_data["code"])
        if done:
            device, codes = done
            mark_verified(request, device)
            file = download_url(codes)
            return render_page(request, "codes", form, codes=codes, file=file, download=DOWNLOAD_ATTRIBUTE)
        form.add_error("code", "This is not the current code. Check your phone’s clock, and type the newest code.")
    picture = mark_safe(second_factor.qr_code(user, key))
    is_new = not second_factor.is_set_up(user)
    return render_page(
        request, "set_up", form, picture=picture, typed_key=second_factor.format_key(key), is_new=is_new
    )


def download_url(codes: list[str]) -> str:
    """Return a data: URL that a browser saves as a file: the codes are shown once and cannot be fetched again."""
    lines = [f"Recovery codes of {settings.SITE_URL}{reverse('admin:index')}", "Each works once.", "", *codes, ""]
    return f"data:text/plain;charset=utf-8,{quote(chr(10).join(lines))}"


def mark_verified(request: HttpRequest, device: Any) -> HttpResponse:
    """Mark the session as verified and renew its key; return the redirect to the page the user wanted."""
    request.session.pop(SESSION_KEY, None)
    django_otp.login(request, device)
    request.session.cycle_key()
    return HttpResponseRedirect(url_after(request))


def url_after(request: HttpRequest) -> str:
    """Return the URL in ?next if it is on this site, else the admin's."""
    path = request.GET.get("next", "")
    ours = url_has_allowed_host_and_scheme(path, {request.get_host()}, require_https=request.is_secure())
    return path if ours else reverse("admin:index")


def set_up_url(request: HttpRequest) -> str:
    return f"{reverse('second_factor_set_up')}?{urlencode({'next': url_after(request)})}"


def error_message(wait_seconds: int, is_recovery: bool) -> str:
    if wait_seconds:
        return f"Too many wrong codes. Wait {wait_seconds} s, then type the newest one."
    if is_recovery:
        return "This is not one of your recovery codes, or it was used before. Each works once."
    return "This is not the current code, or it was used before. Wait for the next one."


def render_page(request: HttpRequest, name: str, form: CodeForm, **context: Any) -> HttpResponse:
    titles = {"enter": "Second factor", "set_up": "Set up a second factor", "codes": "Your recovery codes"}
    shown = admin.site.each_context(request) | {"title": titles[name], "form": form, "next": url_after(request)}
    status = 422 if form.errors else 200
    return render(request, f"admin/second_factor/{name}.html", shown | context, status=status)
