"""The product's addresses, and Anymail's own webhooks beside them."""

from django.urls import include, path

urlpatterns = [path("anymail/", include("anymail.urls")), path("", include("newsletter.urls"))]
