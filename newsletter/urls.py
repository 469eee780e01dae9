from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from digests.provider_events import webhook
from newsletter.accounts import own_password, second_factor_views
from newsletter.runtime.health import healthz

handler400 = "newsletter.responses.error_pages.bad_request"
urlpatterns = [
    path("healthz", healthz),
    # Browsers ask here for pages that name no icon: the admin's, and a mail shown alone.
    path("favicon.ico", RedirectView.as_view(url=f"{settings.STATIC_URL}favicon.svg")),
    path("admin/second-factor/", second_factor_views.enter_code, name="second_factor"),
    path("admin/second-factor/set-up/", second_factor_views.set_up, name="second_factor_set_up"),
    path("admin/password_change/", own_password.change),
    path("admin/", admin.site.urls),
    path("", include("newsletter.issues.urls")),
    path("", include("newsletter.papers.urls")),
    path("", include("subscribers.urls")),
    path("", include("digests.urls")),
    path("anymail/<slug:provider>/tracking/", webhook.receive, name="webhook"),
]
if settings.DEBUG:
    urlpatterns.append(path("mailbox/", include("newsletter.mailbox.urls")))
