import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.test import Client

pytestmark = pytest.mark.django_db
POLICY, FRAMES = "Content-Security-Policy", "X-Frame-Options"


@pytest.mark.parametrize("is_desk", [False, True])
@pytest.mark.parametrize(
    "path", ["/", "/nowhere/", "/issues/1999-01-01/", "/admin/login/", "/admin/nowhere/", "/healthz"]
)
def test_every_page_has_a_policy_that_allows_no_inline_script_and_no_frame(
    settings: LazySettings, path: str, is_desk: bool
) -> None:
    settings.DEBUG, settings.EMAIL_PROVIDER = is_desk, "postmark"  # without the mailbox’s addresses
    page = Client().get(path)
    rules = dict(rule.split(maxsplit=1) for rule in page[POLICY].split("; "))
    scripts = rules.get("script-src", rules["default-src"])
    assert "unsafe-inline" not in scripts
    assert ("unsafe-eval" in scripts) == path.startswith("/admin/")
    assert (rules["frame-ancestors"], page[FRAMES]) == ("'none'", "DENY")


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
