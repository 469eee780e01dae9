"""The pages between the password and the admin: set up a second factor, and show it."""

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

KEY = "second_factor_key"  # in the session, until a code proves that an app has it
DOWNLOAD = mark_safe('download="recovery-codes.txt"')
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

    def __init__(self, *args: Any, of_paper: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if of_paper:
            self.fields["code"].label = "Recovery code"
            self.fields["code"].widget.attrs |= {"inputmode": "text", "autocomplete": "off", "autocapitalize": "none"}


def of_staff(view: View) -> View:
    """Let in who has given a password, whether or not a second factor was shown."""

    @wraps(view)
    def inside(request: HttpRequest) -> HttpResponse:
        if not admin.site.has_permission(request):
            return redirect_to_login(request.get_full_path(), reverse("admin:login"))
        return view(request)

    return never_cache(sensitive_post_parameters("code")(inside))


@of_staff
def enter(request: HttpRequest) -> HttpResponse:
    """Ask for a code of the app, or a recovery code."""
    user: Any = request.user
    if user.is_verified() or not second_factor.is_set_up(user):
        return HttpResponseRedirect(wanted(request) if user.is_verified() else set_up_page(request))
    of_paper = "recovery" in request.GET
    form = CodeForm(request.POST or None, of_paper=of_paper)
    if request.method == "POST" and form.is_valid():
        answer = second_factor.check(user, form.cleaned_data["code"])
        if answer.device:
            return let_in(request, answer.device)
        form.add_error("code", trouble(answer.wait_seconds, of_paper))
    return page(request, "enter", form, of_paper=of_paper)


@of_staff
def set_up(request: HttpRequest) -> HttpResponse:
    """Show a key to put into an app, and take it once a code proves that it is there."""
    user: Any = request.user
    if second_factor.is_set_up(user) and not user.is_verified():
        return HttpResponseRedirect(f"{reverse('second_factor')}?{urlencode({'next': wanted(request)})}")
    key = request.session.setdefault(KEY, second_factor.new_key())
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        done = second_factor.set_up(user, key, form.cleaned_data["code"])
        if done:
            device, codes = done
            let_in(request, device)
            return page(request, "codes", form, codes=codes, file=file_of(codes), download=DOWNLOAD)
        form.add_error("code", "This is not the code of now. Is the clock of your phone right? Type the newest one.")
    picture = mark_safe(second_factor.picture(user, key))
    is_new = not second_factor.is_set_up(user)
    return page(request, "set_up", form, picture=picture, spelled=second_factor.spelled(key), is_new=is_new)


def file_of(codes: list[str]) -> str:
    """Return the codes as an address that a browser saves as a file, without asking for them again."""
    lines = [f"Recovery codes of {settings.SITE_URL}{reverse('admin:index')}", "Each counts once.", "", *codes, ""]
    return f"data:text/plain;charset=utf-8,{quote(chr(10).join(lines))}"


def let_in(request: HttpRequest, device: Any) -> HttpResponse:
    """Note in the session that the factor was shown, under a new key."""
    request.session.pop(KEY, None)
    django_otp.login(request, device)
    request.session.cycle_key()
    return HttpResponseRedirect(wanted(request))


def wanted(request: HttpRequest) -> str:
    """Return the page somebody was on the way to, if it is ours."""
    path = request.GET.get("next", "")
    ours = url_has_allowed_host_and_scheme(path, {request.get_host()}, require_https=request.is_secure())
    return path if ours else reverse("admin:index")


def set_up_page(request: HttpRequest) -> str:
    return f"{reverse('second_factor_set_up')}?{urlencode({'next': wanted(request)})}"


def trouble(wait_seconds: int, of_paper: bool) -> str:
    if wait_seconds:
        return f"Too many codes were wrong. Wait {wait_seconds} s, then type the newest one."
    if of_paper:
        return "This is none of your recovery codes, or it was used before. Each counts once."
    return "This is not the code of now. Each counts once: wait for the next one."


def page(request: HttpRequest, name: str, form: CodeForm, **context: Any) -> HttpResponse:
    titles = {"enter": "Second factor", "set_up": "Set up a second factor", "codes": "Your recovery codes"}
    shown = admin.site.each_context(request) | {"title": titles[name], "form": form, "next": wanted(request)}
    status = 422 if form.errors else 200
    return render(request, f"admin/second_factor/{name}.html", shown | context, status=status)
