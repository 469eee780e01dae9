"""The product's URLs and Anymail's own webhooks."""

from django.urls import include, path

urlpatterns = [path("anymail/", include("anymail.urls")), path("", include("newsletter.urls"))]
