"""The page that says whether receivers will trust our mail, reached from the page on sending."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from digests import tasks
from digests.admin.dashboard_blocks import Errand
from digests.mail_setup import last_check
from newsletter.admin_site.large_lists import ListAdmin
from newsletter.admin_site.page_context import page_context

MAY_CHECK = "digests.change_sendingswitch"


class MailSetupPage(ListAdmin):
    """Shows the last check of the mail's setup, and asks for another, which a worker runs."""

    def get_urls(self) -> list[URLPattern]:
        look_or_post = require_http_methods(["GET", "HEAD", "POST"])(self.setup_view)
        pages = (("setup/", look_or_post, "setup"), ("setup/progress/", require_safe(self.progress_view), "progress"))
        own = [
            path(place, self.admin_site.admin_view(never_cache(view)), name=f"digests_sendingswitch_{name}")
            for place, view, name in pages
        ]
        return [*own, *super().get_urls()]

    def setup_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            if not request.user.has_perm(MAY_CHECK):
                raise PermissionDenied
            if not last_check.is_trial() and last_check.ask_for_check():
                tasks.check_mail_setup.delay()
            return HttpResponseRedirect(request.path)
        context = page_context(self, request, "Mail setup", check=last_check.load_last_check())
        context |= {"is_trial": last_check.is_trial(), "may_check": request.user.has_perm(MAY_CHECK)}
        return TemplateResponse(request, "admin/digests/mail_setup/page.html", context)

    def progress_view(self, request: HttpRequest) -> HttpResponse:
        """Show how far the check is; the page asks again until it has ended."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {"check": last_check.load_last_check(), "may_check": request.user.has_perm(MAY_CHECK)}
        return render(request, "admin/digests/mail_setup/_check.html", context)


def find_unsound_setup() -> list[Errand]:
    """Return what is to be done about the mail's setup: until it has passed once, and whenever something is wrong."""
    if last_check.is_trial():
        return []
    check = last_check.load_last_check()
    if check.is_outdated:
        words = (
            "The settings of mail have changed: check again whether receivers will trust it (SPF, DKIM and the like)."
        )
    elif check.fault_count:
        words = "Receivers may refuse our mail: something is wrong with its setup (SPF, DKIM, DMARC and the like)."
    elif check.setup and check.setup.passed_at:
        return []
    else:
        words = "Before the first issue: check whether receivers will trust our mail (SPF, DKIM, DMARC and the like)."
    return [Errand(words, "admin:digests_sendingswitch_setup")]
