import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

pytestmark = pytest.mark.django_db
POLICY, FRAMES = "Content-Security-Policy", "X-Frame-Options"
VALUE = {"int": "1"}  # in an address; all other kinds take a date


def addresses(patterns: list[Any], before: str = "/") -> Iterator[str]:
    """Yield one address of each page of the site."""
    for pattern in patterns:
        route = re.sub(r"<(?:(\w+):)?\w+>", lambda part: VALUE.get(part[1], "1999-01-01"), str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, before + route)
        elif isinstance(pattern, URLPattern) and not re.search(r"[\^$?]", route):
            yield before + route


# The mailbox of a trial shows each mail in a frame of its own page.
OURS = [path for path in addresses(get_resolver().url_patterns) if not path.startswith("/mailbox/")]
PAGES = ["/nowhere/", "/admin/nowhere/", *OURS]


@pytest.mark.parametrize("is_desk", [False, True])
def test_every_page_has_a_policy_that_allows_no_inline_script_and_no_frame(
    settings: LazySettings, admin_client: Client, is_desk: bool
) -> None:
    settings.DEBUG, settings.EMAIL_PROVIDER = is_desk, "postmark"
    settings.ANYMAIL = {"POSTMARK_SERVER_TOKEN": "x"}
    assert len(PAGES) > 100
    for path in PAGES:
        page = admin_client.get(path)
        rules = dict(rule.split(maxsplit=1) for rule in page[POLICY].split("; "))
        scripts = rules.get("script-src", rules["default-src"])
        assert "unsafe-inline" not in scripts, path
        assert ("unsafe-eval" in scripts) == path.startswith("/admin/"), path
        assert (rules["frame-ancestors"], page[FRAMES]) == ("'none'", "DENY"), path


def test_the_page_of_a_fault_of_ours_has_both_headers(settings: LazySettings) -> None:
    settings.DEBUG, settings.ROOT_URLCONF = False, "tests.newsletter.responses.faulty_urls"
    page = Client(raise_request_exception=False).get("/")
    assert page.status_code == 500
    assert POLICY in page
    assert FRAMES in page


def test_a_host_that_is_not_ours_is_answered_with_both_headers(settings: LazySettings) -> None:
    settings.ALLOWED_HOSTS = ["papers.example.org"]
    page = Client().get("/", headers={"host": "evil.example"})
    assert page.status_code == 400
    assert POLICY in page
    assert FRAMES in page


def test_the_admin_allows_inline_styles_and_readers_pages_do_not() -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("iris"))
    assert "style-src 'self' 'unsafe-inline'" in client.get("/admin/")[POLICY]
    assert "unsafe" not in client.get("/subscribe/")[POLICY]
