"""File formats of other newsletter services: their column names and their words for a reader's state.

Column names are written as `column_name.clean_name` returns them: lower case, with underscores.
"""

from typing import NamedTuple

from subscribers.imports.states import State, StateColumn, flag, permission, words


class Format(NamedTuple):
    label: str
    addresses: tuple[str, ...] = ("email",)
    states: tuple[StateColumn, ...] = ()
    fallbacks: tuple[StateColumn, ...] = ()  # used only if the file has none of the `states` columns
    topics: tuple[str, ...] = ("topics", "topic")
    has_labels: bool = False  # its topics column holds arbitrary labels, so unknown ones are not reported
    harmless: frozenset[str] = frozenset()  # columns whose names suggest that readers left, and that do not say so
    marks: frozenset[str] = frozenset()  # columns by which a file of this format is recognized


PLAIN = words(
    active="active subscribed enabled confirmed regular live ok valid yes true 1",
    unconfirmed="pending unconfirmed unactivated not_confirmed validating waiting unverified",
    left="unsubscribed left inactive disabled removed deleted cancelled canceled optout opt-out opt_out opted-out "
    "opted_out no false 0",
    blocked="blocked blocklisted blacklisted suppressed manual banned spammy",
    bounced="bounced bounce hard_bounced hard_bounce undeliverable unreachable cleaned invalid",
    complained="complained complaint spam spam_complaint abuse",
)
BUTTONDOWN = words(
    active="regular premium trialed unpaid gifted churning churned paused past_due",
    unconfirmed="unactivated upcoming",
    left="unsubscribed removed disabled",
    blocked="blocked spammy",
    bounced="undeliverable malformed",
    complained="complained",
)
# Columns that say in any file that somebody must not be mailed, unless the format says otherwise.
COMMON = (
    flag(
        State.LEFT, "unsubscribed", "unsubscribed_at", "unsubscribed_on", "unsubscribed_date", "unsubscribe_date",
        "unsubscribe_time", "unsubscribe_reason", "unsubscription_date", "unsubscription_reason", "unsub",
        "unsub_time", "unsub_reason", "date_unsubscribed", "is_unsubscribed", "opted_out", "opted_out_at", "opt_out",
        "optout", "opt_out_at", "opt_out_date", "optout_time", "email_opt_out", "has_opted_out_of_email",
        "do_not_email", "do_not_mail", "do_not_contact", "email_disabled", "disabled", "disabled_at",
        "is_disabled", "deleted_at",
    ),
    flag(
        State.BLOCKED, "blacklisted", "blacklisted_at", "is_blacklisted", "email_blacklisted", "blocklisted",
        "blocklisted_at", "is_blocklisted", "email_blocklisted", "blocked", "blocked_at", "is_blocked", "suppressed",
        "suppressed_at", "is_suppressed", "banned", "is_banned",
    ),
    flag(
        State.BOUNCED, "bounced", "bounced_at", "is_bounced", "hard_bounced", "hard_bounced_at", "hard_bounce",
        "bounce_date", "bounce_reason", "clean_time", "cleaned", "cleaned_at", "undeliverable", "undeliverable_at",
        "undeliverability_date", "undeliverability_reason",
    ),
    flag(
        State.COMPLAINED, "complained", "complained_at", "complaint", "complaint_date", "spam_complaint",
        "marked_as_spam", "reported_spam", "spam_reported_at",
    ),
    permission(
        State.LEFT, "subscribed", "is_subscribed", "subscribed_to_emails", "email_subscribed", "enabled", "is_enabled",
        "email_enabled", "active", "is_active", also="subscribed active enabled",
    ),
    permission(
        State.UNCONFIRMED, "confirmed", "is_confirmed", "email_confirmed", "verified", "is_verified", "email_verified",
        also="confirmed verified",
    ),
)  # fmt: skip

FORMATS = {
    "csv": Format(
        "CSV",
        ("email", "email_address", "e_mail", "e_mail_address", "subscriber_email", "user_email", "mail", "address"),
        (
            StateColumn(("status", "subscriber_status", "subscription_status", "email_status"), PLAIN),
        ),
        # Beside a status, a state is that of a postal address.
        fallbacks=(StateColumn(("state",), PLAIN),),
        harmless=frozenset((
            "subscribed_at", "subscribed_on", "subscribe_date", "subscription_date", "date_subscribed",
        )),
    ),
    "paper_round": Format(
        "Paper Round",
        states=(
            StateColumn(("state",), words(active="active", unconfirmed="pending", left="unsubscribed")),
            StateColumn(("suppressed",), words(
                bounced="bounce", complained="complaint", blocked="manual", erased="erased", stopped="provider",
                refused="refused",
            )),
        ),
        harmless=frozenset(("confirmed_at", "subscribed_at", "consents", "unsubscribed_at")),
        marks=frozenset(("state", "followed_phrases", "muted_phrases", "consents")),
    ),
    # https://listmonk.app/docs/: Subscribers, “Export”; the export does not name the lists
    "listmonk": Format(
        "listmonk",
        states=(
            StateColumn(("status",), words(active="enabled", left="disabled", blocked="blocklisted")),
            StateColumn(
                ("subscription_status",), words(active="confirmed", unconfirmed="unconfirmed", left="unsubscribed")
            ),
        ),
        marks=frozenset(("uuid", "attributes", "status")),
    ),
    # https://ghost.org/help/import-members/ lists the columns of the members’ export
    "ghost": Format(
        "Ghost",
        states=(
            permission(State.LEFT, "subscribed_to_emails", "subscribed"),
            flag(State.LEFT, "deleted_at"),
            # Ghost sets it where its provider has suppressed the address.
            flag(State.BOUNCED, "email_disabled"),
        ),
        topics=("labels",),
        has_labels=True,
        marks=frozenset(("subscribed_to_emails", "complimentary_plan", "labels")),
    ),
    # https://docs.buttondown.com/api-subscribers-type lists the states
    "buttondown": Format(
        "Buttondown",
        ("email_address", "email"),
        (StateColumn(("type", "subscriber_type", "status"), BUTTONDOWN),),
        # A reader who came back keeps these dates, so the type decides.
        fallbacks=(
            flag(State.LEFT, "unsubscription_date", "unsubscription_reason"),
            flag(State.BOUNCED, "undeliverability_date", "undeliverability_reason"),
        ),
        topics=("tags",),
        has_labels=True,
        # A bounce date is that of the latest bounce, of any kind; who is undeliverable has that type.
        harmless=frozenset(("bounce_date", "bounce_reason", "churn_date", "commenting_disabled")),
        marks=frozenset(("email_address", "type", "tags", "creation_date")),
    ),
    # https://mailchimp.com/help/view-export-contacts/: one file each for subscribed, unsubscribed and cleaned contacts
    "mailchimp": Format(
        "Mailchimp",
        ("email_address", "email"),
        (
            StateColumn(("status", "contact_status", "email_marketing_status"), {
                **PLAIN, **words(left="unsubscribed archived", unconfirmed="pending non-subscribed transactional"),
            }),
            flag(State.LEFT, "unsub_time", "unsub_campaign_title", "unsub_campaign_id"),
            StateColumn(
                ("unsub_reason", "unsub_reason_other"),
                words(active="0 none null -", complained="abuse abuse_complaint spam_complaint"),
                filled=State.LEFT,
            ),
            flag(State.BOUNCED, "clean_time", "clean_campaign_title", "clean_campaign_id"),
        ),
        topics=("tags",),
        has_labels=True,
        # Contacts that the owner added have no time of confirmation; Mailchimp lists them as subscribed all the same.
        harmless=frozenset(("optin_time", "optin_ip", "confirm_time", "confirm_ip")),
        marks=frozenset(("leid", "euid")),
    ),
    "substack": Format(
        "Substack",
        states=(
            flag(State.LEFT, "email_disabled"),
            permission(State.LEFT, "subscribed"),
        ),
        # These are about paying; free readers have no active subscription.
        harmless=frozenset((
            "active_subscription", "expiry", "expiration_date", "cancel_date", "subscription_type", "state_province",
            "activity", "subscription_source_free", "subscription_source_paid", "days_active_30d",
        )),
        marks=frozenset(("active_subscription", "email_disabled")),
    ),
    # https://developers.beehiiv.com: the values of a subscription’s status
    "beehiiv": Format(
        "beehiiv",
        states=(
            StateColumn(("status", "subscription_status"), words(
                active="active",
                unconfirmed="pending validating needs_approval needs_attention",
                left="inactive unsubscribed paused deleted",
                bounced="invalid bounced",
                complained="spam complained",
            )),
        ),
        topics=("tags",),
        has_labels=True,
        harmless=frozenset(("subscription_tier", "subscription_premium_tier_names")),
        marks=frozenset(("status", "referral_code", "utm_channel")),
    ),
    # https://help.kit.com, “Subscriber statuses”: “inactive” has not confirmed yet, “cold” does not open mails;
    # https://developers.kit.com/api-reference/subscribers names the columns
    "kit": Format(
        "Kit (ConvertKit)",
        ("email", "email_address"),
        (
            StateColumn(("status", "state"), words(
                active="active confirmed cold",
                unconfirmed="inactive unconfirmed",
                left="cancelled canceled unsubscribed",
                blocked="blocked",
                bounced="bounced",
                complained="complained",
            )),
        ),
        topics=("tags",),
        has_labels=True,
        marks=frozenset(("first_name", "email_address", "state", "created_at")),
    ),
    # server/routes/subscriptions.js of Mailtrain 2; the numbers are those of its table
    "mailtrain": Format(
        "Mailtrain",
        states=(
            StateColumn(("status",), words(
                active="subscribed 1", left="unsubscribed 2", bounced="bounced 3", complained="complained 4"
            )),
        ),
        topics=("tags",),
        has_labels=True,
        marks=frozenset(("cid", "status", "hash_email")),
    ),
    # public_html/lists/admin/structure.php of phpList 3 holds the titles that its export writes
    "phplist": Format(
        "phpList",
        states=(
            permission(
                State.UNCONFIRMED,
                "confirmed", "is_this_subscriber_confirmed", "is_the_email_of_this_user_confirmed",
            ),
            flag(State.BLOCKED, "blacklisted", "is_this_subscriber_blacklisted", "is_this_user_blacklisted"),
            flag(State.LEFT, "disabled", "is_this_account_disabled"),
        ),
        # phpList itself blacklists an address that bounces too often; single opt-in is no manual confirmation.
        harmless=frozenset((
            "optedin", "did_this_subscriber_manually_confirm", "did_this_user_manually_confirm",
            "bouncecount", "number_of_bounces", "number_of_bounces_on_this_user", "subscribepage",
        )),
        marks=frozenset(("is_this_subscriber_confirmed", "is_this_subscriber_blacklisted")),
    ),
    # lib/keila/contacts/schemas/contact.ex of Keila names the states
    "keila": Format(
        "Keila",
        states=(StateColumn(("status",), words(active="active", left="unsubscribed", bounced="unreachable")),),
        harmless=frozenset(("double_opt_in_at", "double_opt_in")),
        marks=frozenset(("status", "external_id", "data")),
    ),
}  # fmt: skip
