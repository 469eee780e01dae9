"""The way from the password into the admin, where a second factor is asked for."""

import html
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

import pytest
import segno
from auditlog.models import LogEntry
from django.conf import LazySettings
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django_otp.oath import totp
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from newsletter.accounts import second_factor, staff_accounts
from tests.factories import MONDAY, PaperFactory, published_issue

pytestmark = pytest.mark.django_db
PASSWORD = "a-password-of-a-desk"
SET_UP, ENTER = "/admin/second-factor/set-up/", "/admin/second-factor/"
ISSUES = "/admin/issues/issue/"
FAST = "django.contrib.auth.hashers.MD5PasswordHasher"


@pytest.fixture(autouse=True)
def enforced(settings: LazySettings) -> None:
    settings.TWO_FACTOR = True
    settings.PASSWORD_HASHERS = [FAST]


@pytest.fixture
def iris() -> User:
    return User.objects.create_superuser("iris", password=PASSWORD)


def log_in(client: Client, path: str = ISSUES, name: str = "iris") -> str:
    """Give the password and return where that leads."""
    answer = client.post("/admin/login/", {"username": name, "password": PASSWORD, "next": path}, follow=True)
    return str(answer.redirect_chain[-1][0])


def key_on(client: Client) -> bytes:
    return bytes.fromhex(client.session["second_factor_key"])


def set_up(client: Client) -> list[str]:
    """Set a second factor up, and return the recovery codes."""
    client.get(SET_UP)
    page = client.post(SET_UP, {"code": f"{totp(key_on(client)):06}"}).content.decode()
    codes = re.findall(r"<li>([a-z2-7-]{19})</li>", page)
    assert len(codes) == 10
    return codes


def code_now(user: User) -> str:
    """Return the app's code, as if the last one had been used long ago."""
    device = TOTPDevice.objects.get(user=user)
    TOTPDevice.objects.update(last_t=-1)
    return f"{totp(device.bin_key, drift=device.drift):06}"


def test_the_first_login_leads_to_a_page_that_sets_it_up_and_then_to_where_one_wanted(
    client: Client, iris: User
) -> None:
    assert log_in(client) == f"{SET_UP}?next=%2Fadmin%2Fissues%2Fissue%2F"
    page = client.get(f"{SET_UP}?next={ISSUES}").content.decode()
    assert "<svg" in page
    assert second_factor.format_key(key_on(client).hex()) in page
    response = client.post(f"{SET_UP}?next={ISSUES}", {"code": f"{totp(key_on(client)):06}"})
    assert f'href="{ISSUES}"' in response.content.decode()
    assert "no-store" in response["Cache-Control"]
    assert client.get(ISSUES).status_code == 200
    assert LogEntry.objects.get().additional_data["act"] == "set up a second factor"


def test_the_picture_holds_the_key_that_stands_beside_it(iris: User) -> None:
    key = second_factor.new_key()
    address = TOTPDevice(user=iris, key=key).config_url
    assert second_factor.format_key(key).replace(" ", "") in address
    assert "Paper%20Round" in address
    assert segno.make(address, error="m").svg_inline(
        scale=4, border=4, dark="#000", light="#fff"
    ) == second_factor.qr_code(iris, key)


@pytest.mark.parametrize("path", ["/admin/", ISSUES, "/admin/password_change/", "/admin/auth/user/", "/admin/search/"])
def test_nothing_else_can_be_done_before(client: Client, iris: User, path: str) -> None:
    log_in(client)
    for response in (client.get(path), client.post(path, {"x": "y"})):
        assert (response.status_code, response["Location"].partition("?")[0]) == (302, SET_UP)


def test_the_rest_of_the_site_takes_such_a_session_for_anybodys(client: Client, iris: User) -> None:
    published_issue(MONDAY, PaperFactory())
    log_in(client)
    assert client.get("/").wsgi_request.user.is_authenticated is False
    set_up(client)
    assert client.get("/").wsgi_request.user == iris


def test_a_page_for_everybody_depends_on_no_cookie(client: Client) -> None:
    assert "Cookie" not in client.get("/privacy/").get("Vary", "")


def test_a_wrong_code_sets_nothing_up_and_the_key_stays(client: Client, iris: User) -> None:
    log_in(client)
    client.get(SET_UP)
    key = key_on(client)
    wrong = f"{(totp(key) + 1) % 1_000_000:06}"
    response = client.post(SET_UP, {"code": wrong})
    assert response.status_code == 422
    assert "not the current code" in response.content.decode()
    assert key_on(client) == key
    assert not second_factor.is_set_up(iris)


def test_a_later_login_asks_for_a_code_and_each_counts_once(client: Client, iris: User) -> None:
    log_in(client)
    set_up(client)
    client.post("/admin/logout/")
    assert log_in(client) == f"{ENTER}?next=%2Fadmin%2Fissues%2Fissue%2F"
    code = code_now(iris)
    response = client.post(f"{ENTER}?next={ISSUES}", {"code": f" {code[:3]} {code[3:]} "})
    assert (response.status_code, response["Location"]) == (302, ISSUES)
    assert client.get(ISSUES).status_code == 200

    other = Client()
    log_in(other)
    assert other.post(ENTER, {"code": code}).status_code == 422
    assert other.get(ISSUES).status_code == 302


def test_the_session_gets_a_new_key_when_the_code_was_right(client: Client, iris: User) -> None:
    log_in(client)
    before = client.session.session_key
    set_up(client)
    assert client.session.session_key != before
    stolen = Client()
    stolen.cookies["sessionid"] = str(before)
    assert stolen.get(ISSUES)["Location"].startswith("/admin/login/")


def test_a_recovery_code_lets_in_once_and_is_stored_as_a_hash(client: Client, iris: User) -> None:
    log_in(client)
    first, *_ = set_up(client)
    assert not StaticToken.objects.filter(token__in=[first, first.replace("-", "")]).exists()
    for expected in (302, 422):
        StaticToken.objects.first().device.throttle_reset()
        other = Client()
        log_in(other)
        assert other.post(f"{ENTER}?recovery=1", {"code": first.upper()}).status_code == expected
    assert second_factor.count_codes_left(iris) == 9
    assert LogEntry.objects.filter(additional_data__act="used a recovery code").count() == 1


def test_after_a_wrong_code_the_next_is_not_looked_at_for_a_while(client: Client, iris: User) -> None:
    log_in(client)
    set_up(client)
    other = Client()
    log_in(other)
    right = code_now(iris)
    wrong = f"{(int(right) + 1) % 1_000_000:06}"
    assert "not the current code" in other.post(ENTER, {"code": wrong}).content.decode()
    TOTPDevice.objects.update(throttling_failure_count=9, throttling_failure_timestamp=datetime.now(UTC))
    page = other.post(ENTER, {"code": right}).content.decode()
    assert re.search(r"Wait 25\d s", page), "the right one is not looked at either: 2 to the 8th seconds"
    TOTPDevice.objects.update(throttling_failure_timestamp=datetime.now(UTC) - timedelta(seconds=257))
    assert other.post(ENTER, {"code": right}).status_code == 302


@pytest.mark.parametrize(
    "next_", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "\\\\evil.example"]
)
def test_no_address_leads_to_another_site(client: Client, iris: User, next_: str) -> None:
    log_in(client)
    page = client.post(SET_UP + f"?next={next_}", {"code": "1"}).content.decode()
    assert "evil" not in page
    set_up(client)
    assert client.get(ENTER, {"next": next_})["Location"] == "/admin/"


def test_the_pages_refuse_a_form_of_another_site(iris: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(iris)
    for path in (ENTER, SET_UP):
        assert client.post(path, {"code": "123456"}).status_code == 403


def test_who_has_a_second_factor_shows_it_before_setting_up_another(client: Client, iris: User) -> None:
    log_in(client)
    set_up(client)
    other = Client()
    log_in(other)
    assert other.get(SET_UP)["Location"].startswith(ENTER)
    assert other.post(SET_UP, {"code": "123456"})["Location"].startswith(ENTER)
    before = TOTPDevice.objects.get().pk
    set_up(client)
    assert TOTPDevice.objects.get().pk != before
    assert StaticToken.objects.count() == 10


def test_the_key_and_the_codes_are_never_shown_again(client: Client, iris: User) -> None:
    log_in(client)
    codes = set_up(client)
    device = TOTPDevice.objects.get()
    traces = [codes[0], device.key, second_factor.format_key(device.key), second_factor.format_key(device.key)[:9]]
    assert "second_factor_key" not in client.session
    for path in (SET_UP, ENTER, "/admin/", f"/admin/auth/user/{iris.pk}/change/", "/admin/auditlog/logentry/"):
        page = client.get(path, follow=True).content.decode()
        assert not [trace for trace in traces if trace in page], path
    assert client.get("/admin/otp_totp/totpdevice/").status_code == 404
    assert client.get("/admin/otp_static/staticdevice/").status_code == 404


def test_the_codes_can_be_saved_as_a_file(client: Client, iris: User) -> None:
    log_in(client)
    client.get(SET_UP)
    page = client.post(SET_UP, {"code": f"{totp(key_on(client)):06}"}).content.decode()
    link = re.search(r'href="data:text/plain;charset=utf-8,([^"]+)"[^>]*download="recovery-codes.txt"', page)
    assert link
    saved = unquote(html.unescape(link[1]))
    codes = re.findall(r"<li>([a-z2-7-]{19})</li>", page)
    assert len(codes) == 10
    assert all(code in saved for code in codes)


def test_a_desk_asks_for_none_and_asks_who_has_one_all_the_same(
    client: Client, iris: User, settings: LazySettings
) -> None:
    settings.TWO_FACTOR = False
    assert log_in(client) == ISSUES
    set_up(client)
    other = Client()
    assert log_in(other).startswith(ENTER)


def test_an_operator_resets_it_and_the_session_that_showed_it_is_led_to_another(client: Client, iris: User) -> None:
    log_in(client)
    set_up(client)
    staff_accounts.ensure_roles()
    olga = User.objects.create_user("olga", password=PASSWORD, is_staff=True)
    olga.groups.add(Group.objects.get(name="operator"))
    mara = User.objects.create_user("mara", password=PASSWORD, is_staff=True)
    hers, operators = Client(), Client()
    log_in(hers, name="mara")
    set_up(hers)
    log_in(operators, name="olga")
    set_up(operators)

    chosen = {"action": "reset_second_factor", "_selected_action": [mara.pk, iris.pk]}
    page = operators.post("/admin/auth/user/", chosen, follow=True).content.decode()
    assert "Reset for mara" in page
    assert [second_factor.is_set_up(account) for account in (mara, iris)] == [False, True], "superusers are above"
    assert hers.get("/admin/")["Location"].startswith(SET_UP)
    entry = LogEntry.objects.get(additional_data__act="reset the second factor of")
    assert (entry.actor, entry.object_repr) == (olga, "mara")


def test_the_command_resets_it_and_confirms_that(
    client: Client, iris: User, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CommandError, match="no second factor"):
        call_command("reset_second_factor", "iris")
    with pytest.raises(CommandError, match="no account"):
        call_command("reset_second_factor", "nobody")
    log_in(client)
    set_up(client)
    call_command("reset_second_factor", "iris")
    assert "sets up another" in capsys.readouterr().out
    assert not second_factor.is_set_up(iris)
    assert not StaticToken.objects.exists()
    assert "command line" in LogEntry.objects.latest("pk").additional_data["by"]


def test_a_new_password_ends_all_sessions_and_the_code_is_asked_for_again(
    client: Client, iris: User, capsys: pytest.CaptureFixture[str]
) -> None:
    log_in(client)
    set_up(client)
    call_command("password", "--user", "iris")
    assert "asks for a code" in capsys.readouterr().err
    assert client.get(ISSUES)["Location"].startswith("/admin/login/")
    User.objects.get().set_password(PASSWORD)
    assert "second_factor" not in str(client.session.items())


def test_who_logged_out_has_no_session_any_more(client: Client, iris: User) -> None:
    log_in(client)
    set_up(client)
    before = client.session.session_key
    client.post(reverse("admin:logout"))
    thief = Client()
    thief.cookies["sessionid"] = str(before)
    assert thief.get(ISSUES)["Location"].startswith("/admin/login/")


def test_a_session_lasts_half_a_day(client: Client, iris: User) -> None:
    log_in(client)
    assert client.cookies["sessionid"]["max-age"] == 12 * 3600
