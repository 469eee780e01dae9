"""Nobody who must not be mailed is read as active, whatever service the file comes from."""

from pathlib import Path

import pytest

from subscribers.imports import file_reader
from subscribers.imports.columns import Columns, find_columns
from subscribers.imports.formats import FORMATS
from tests.subscribers.imports.files import written

LISTMONK = "uuid,email,name,attributes,status,created_at,updated_at"
GHOST = (
    "id,email,name,note,subscribed_to_emails,complimentary_plan,stripe_customer_id,created_at,deleted_at,labels,tiers"
)
BUTTONDOWN = "email_address,type,tags,creation_date,unsubscription_date"
MAILCHIMP = "Email Address,First Name,Last Name,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,TIMEZONE"
UNSUBSCRIBED = (
    f"{MAILCHIMP},UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,UNSUB_CAMPAIGN_ID,UNSUB_REASON,UNSUB_REASON_OTHER,LEID,EUID"
)
CLEANED = f"{MAILCHIMP},CLEAN_TIME,CLEAN_CAMPAIGN_TITLE,CLEAN_CAMPAIGN_ID,LEID,EUID,NOTES,TAGS"
SUBSTACK = "email,active_subscription,expiry,plan,email_disabled,created_at,first_payment_at"
PHPLIST = (
    "id\tEmail\tIs this subscriber confirmed\tIs this subscriber blacklisted\tDid this subscriber manually confirm\t"
    "Number of bounces\tIs this account disabled?\tList Membership"
)
MAILTRAIN = "cid,status,HASH_EMAIL,EMAIL,MERGE_FIRST_NAME"
KIT = "id,first_name,email_address,state,created_at,tags"
KEILA = "Email,First name,Last name,Status,External ID,Data"


def columns_of(path: Path, form: str) -> Columns:
    return find_columns(path, FORMATS[form], {})


def states(path: Path, form: str) -> list[str]:
    return [str(row.state) for row in file_reader.rows(path, columns_of(path, form))]


def state_of(folder: Path, form: str, header: str, cells: str) -> str:
    (state,) = states(written(folder, header, cells), form)
    return state


@pytest.mark.parametrize(("word", "state"), [("enabled", "active"), ("disabled", "left"), ("blocklisted", "blocked")])
def test_the_states_of_listmonk(tmp_path: Path, word: str, state: str) -> None:
    line = f'u,ada@example.org,Ada,"{{""city"": ""Paris""}}",{word},2026-01-01,'
    assert state_of(tmp_path, "listmonk", LISTMONK, line) == state


@pytest.mark.parametrize(
    ("word", "state"), [("confirmed", "active"), ("unconfirmed", "unconfirmed"), ("unsubscribed", "left")]
)
def test_an_enabled_reader_of_listmonk_may_have_left_the_list(tmp_path: Path, word: str, state: str) -> None:
    header = "email,status,subscription_status"
    assert state_of(tmp_path, "listmonk", header, f"ada@example.org,enabled,{word}") == state


@pytest.mark.parametrize(
    ("subscribed", "deleted", "state"),
    [("true", "", "active"), ("false", "", "left"), ("true", "2026-01-01T00:00:00.000Z", "left")],
)
def test_the_states_of_ghost(tmp_path: Path, subscribed: str, deleted: str, state: str) -> None:
    line = f'6,ada@example.org,Ada,,{subscribed},false,,2025-01-01T00:00:00.000Z,{deleted},"vision, vip",'
    path = written(tmp_path, GHOST, line)
    assert states(path, "ghost") == [state]
    assert next(file_reader.rows(path, columns_of(path, "ghost"))).choice[0] == "vision, vip"


@pytest.mark.parametrize("form", ["ghost", "csv"])
def test_an_address_that_ghost_has_disabled_is_not_mailed(tmp_path: Path, form: str) -> None:
    header = f"{GHOST},email_disabled"
    cells = "6,{},Ada,,true,false,,2025-01-01T00:00:00.000Z,,,,{}"
    path = written(tmp_path, header, cells.format("a@x.org", "true"), cells.format("b@x.org", "false"))
    assert states(path, form) == ["bounced", "active"]


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("regular", "active"), ("premium", "active"), ("past_due", "active"), ("Past due", "active"),
        ("unactivated", "unconfirmed"), ("unsubscribed", "left"), ("removed", "left"), ("undeliverable", "bounced"),
        ("complained", "complained"), ("blocked", "blocked"), ("something new", "unknown"),
    ],
)  # fmt: skip
def test_the_states_of_buttondown(tmp_path: Path, word: str, state: str) -> None:
    # A reader who came back has a date of leaving too: the type decides.
    line = f"ada@example.org,{word},vision,2025-01-01,2025-02-01"
    assert state_of(tmp_path, "buttondown", BUTTONDOWN, line) == state


def test_a_file_of_buttondown_without_types_tells_by_dates_who_left(tmp_path: Path) -> None:
    path = written(tmp_path, "Email,Unsubscription date", "ada@example.org,2025-02-01", "bo@example.org,")
    assert states(path, "buttondown") == ["left", "active"]


@pytest.mark.parametrize("form", ["mailchimp", "csv"])
def test_the_unsubscribed_and_cleaned_files_of_mailchimp_hold_nobody_to_mail(tmp_path: Path, form: str) -> None:
    who = "ada@example.org,Ada,,2,2025-01-01 10:00:00,,,,Europe/Berlin"
    left = written(tmp_path, UNSUBSCRIBED, f"{who},2026-01-01 10:00:00,March,c1,NORMAL,,1,e", name="unsubscribed.csv")
    assert states(left, form) == ["left"]
    complained = written(tmp_path, UNSUBSCRIBED, f"{who},2026-01-01 10:00:00,,,ABUSE,,1,e", name="abuse.csv")
    assert states(complained, form) == ["complained"]
    cleaned = written(tmp_path, CLEANED, f"{who},2026-01-01 10:00:00,,,1,e,,", name="cleaned.csv")
    assert states(cleaned, form) == ["bounced"]
    subscribed = written(tmp_path, f"{MAILCHIMP},LAST_CHANGED,LEID,EUID,NOTES,TAGS", f"{who},,1,e,,", name="sub.csv")
    assert states(subscribed, form) == ["active"]
    assert columns_of(subscribed, form).unexplained == {}


@pytest.mark.parametrize("form", ["substack", "csv"])
def test_free_readers_of_substack_are_active_and_those_without_mail_are_not(tmp_path: Path, form: str) -> None:
    cells = "{},false,,other,{},2025-01-01,"
    path = written(tmp_path, SUBSTACK, cells.format("a@x.org", "false"), cells.format("b@x.org", "true"))
    assert states(path, form) == ["active", "left"]


@pytest.mark.parametrize(
    ("word", "state"),
    [("active", "active"), ("inactive", "left"), ("pending", "unconfirmed"), ("validating", "unconfirmed"),
     ("invalid", "bounced"), ("new word", "unknown")],
)  # fmt: skip
def test_the_states_of_beehiiv(tmp_path: Path, word: str, state: str) -> None:
    assert state_of(tmp_path, "beehiiv", "Email,Status,Tier,utm_source", f"ada@example.org,{word},free,") == state


@pytest.mark.parametrize(
    ("word", "state"),
    [("active", "active"), ("cancelled", "left"), ("bounced", "bounced"), ("complained", "complained"),
     ("inactive", "unconfirmed")],
)  # fmt: skip
def test_the_states_of_kit(tmp_path: Path, word: str, state: str) -> None:
    line = f"Ada,ada@example.org,{word},2025-01-01"
    assert state_of(tmp_path, "kit", "first_name,email,status,created_at", line) == state


@pytest.mark.parametrize(("word", "state"), [("cold", "active"), ("inactive", "unconfirmed"), ("blocked", "blocked")])
def test_a_file_of_kit_is_recognized_and_its_words_are_known(tmp_path: Path, word: str, state: str) -> None:
    assert state_of(tmp_path, "csv", KIT, f"1,Ada,ada@example.org,{word},2025-01-01,") == state


@pytest.mark.parametrize(
    ("word", "state"),
    [("subscribed", "active"), ("unsubscribed", "left"), ("bounced", "bounced"), ("complained", "complained")],
)
def test_the_states_of_mailtrain(tmp_path: Path, word: str, state: str) -> None:
    assert state_of(tmp_path, "mailtrain", MAILTRAIN, f"c,{word},h,ada@example.org,Ada") == state


@pytest.mark.parametrize("form", ["phplist", "csv"])
@pytest.mark.parametrize(
    ("flags", "state"),
    [("1\t0\t1\t0\t0", "active"), ("1\t0\t0\t2\t0", "active"), ("0\t0\t0\t0\t0", "unconfirmed"),
     ("1\t1\t1\t0\t0", "blocked"), ("1\t0\t1\t0\t1", "left")],
)  # fmt: skip
def test_the_states_of_phplist(tmp_path: Path, form: str, flags: str, state: str) -> None:
    assert state_of(tmp_path, form, PHPLIST, f"1\tada@example.org\t{flags}\tnews") == state


@pytest.mark.parametrize(
    ("word", "state"), [("active", "active"), ("unsubscribed", "left"), ("unreachable", "bounced")]
)
def test_the_states_of_keila(tmp_path: Path, word: str, state: str) -> None:
    assert state_of(tmp_path, "keila", KEILA, f"ada@example.org,Ada,,{word},,{{}}") == state


@pytest.mark.parametrize(
    ("column", "cell", "state"),
    [
        ("confirmed", "0", "unconfirmed"), ("confirmed", "1", "active"), ("blacklisted", "1", "blocked"),
        ("blacklisted", "0", "active"), ("subscribed", "no", "left"), ("subscribed", "yes", "active"),
        ("email_disabled", "true", "left"), ("unsubscribed_at", "2026-01-01", "left"),
        ("unsubscribed_at", "", "active"),
        ("bounced_at", "2026-01-01", "bounced"), ("bounced_at", "0000-00-00 00:00:00", "active"),
        ("Spam complaint", "yes", "complained"), ("UNSUB_TIME", "2026-01-01", "left"),
        ("CLEAN_TIME", "2026-01-01", "bounced"), ("Is Active", "FALSE", "left"), ("opt-out", "x", "left"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", ["csv", "listmonk", "kit", "keila"])
def test_columns_that_say_so_keep_mail_away_in_every_format(
    tmp_path: Path, form: str, column: str, cell: str, state: str
) -> None:
    assert state_of(tmp_path, form, f"email,{column}", f"ada@example.org,{cell}") == state


def test_of_several_columns_the_most_severe_counts(tmp_path: Path) -> None:
    header = "email,status,unsubscribed_at,bounced_at"
    assert state_of(tmp_path, "csv", header, "ada@example.org,active,2026-01-01,2026-02-01") == "bounced"


def test_of_two_columns_of_one_name_both_are_asked_for_the_state(tmp_path: Path) -> None:
    assert state_of(tmp_path, "csv", "email,status,status", "ada@example.org,active,unsubscribed") == "left"


def test_a_plain_csv_is_read_as_the_format_whose_columns_it_has(tmp_path: Path) -> None:
    assert columns_of(written(tmp_path, UNSUBSCRIBED), "csv").form.label == "Mailchimp"
    assert columns_of(written(tmp_path, KIT), "csv").form.label == "Kit (ConvertKit)"
    assert columns_of(written(tmp_path, "email,status"), "csv").form.label == "CSV"
