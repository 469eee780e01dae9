"""The page that sends a test mail through a provider, reached from the page on sending."""

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminRadioSelectWidget

from digests.monitoring import send_test
from newsletter.admin_site.large_lists import ListAdmin
from newsletter.admin_site.page_context import page_context

LETTER, DIGEST = "letter", "digest"
LANES = ((DIGEST, "As a digest"), (LETTER, "As a confirmation or link"))


class ProviderTestForm(forms.Form):
    address = forms.CharField(max_length=320, widget=UnfoldAdminEmailInputWidget)
    way = forms.ChoiceField(choices=LANES, widget=UnfoldAdminRadioSelectWidget)


class ProviderTestPage(ListAdmin):
    """Sends one test mail, as `manage.py send_test` does."""

    def get_urls(self) -> list[URLPattern]:
        page = path("test/", self.admin_site.admin_view(self.test), name="digests_sendingswitch_test")
        return [page, *super().get_urls()]

    def test(self, request: HttpRequest) -> HttpResponse:
        if not request.user.has_perm("digests.change_sendingswitch"):
            raise PermissionDenied
        form = ProviderTestForm(
            request.POST or None, initial={"address": getattr(request.user, "email", ""), "way": DIGEST}
        )
        trial = None
        if request.method == "POST" and form.is_valid():
            trial = self.send_test(form)
        context = page_context(self, request, "Send a test", form=form, trial=trial)
        return TemplateResponse(request, "admin/digests/sendingswitch/test.html", context)

    def send_test(self, form: ProviderTestForm) -> send_test.TestReport | None:
        try:
            return send_test.send_test_mail(form.cleaned_data["address"], form.cleaned_data["way"] == LETTER)
        except send_test.TestRefused as exc:
            form.add_error("address", str(exc))
            return None
