from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from newsletter.health import healthz

urlpatterns = [
    path("healthz", healthz),
    path("admin/", admin.site.urls),
    path("", include("newsletter.issues.urls")),
    path("", include("subscribers.urls")),
]
if settings.DEBUG:
    urlpatterns.append(path("mailbox/", include("newsletter.mailbox.urls")))
