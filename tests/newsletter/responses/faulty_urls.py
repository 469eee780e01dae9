"""A site whose only page fails."""

from django.http import HttpRequest, HttpResponse
from django.urls import path

from newsletter.urls import urlpatterns as of_the_site


def fail(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError


urlpatterns = [path("", fail), *of_the_site]
