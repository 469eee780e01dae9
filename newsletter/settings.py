"""Settings, read top-down, one subject per section; every deployment value comes from the environment.

With nothing set the product runs for a trial: DEBUG, embedded servers, a local mailbox. As soon as one name of
`required` is set, all of them must be: what is missing is named at start.
"""

import importlib.util
import os
import re
from datetime import date, time, timedelta
from email.utils import parseaddr
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import django_stubs_ext
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse_lazy
from environs import Env, validate

from newsletter import log_redaction, schedule
from newsletter.admin_site import theme
from newsletter.runtime import embedded_servers, task_routes

# Lets forms and fields name their types, as in ModelForm[Topic].
django_stubs_ext.monkeypatch()
env = Env()


def at_least(smallest: float) -> validate.Range:
    return validate.Range(min=smallest)


# Where this runs
BASE_DIR = Path(__file__).resolve().parent.parent
required = (
    "SECRET_KEY",
    "DATABASE_URL",
    "REDIS_URL",
    "ALLOWED_HOSTS",
    "SITE_URL",
    "EMAIL_PROVIDER",
    "FROM_EMAIL",
    "POSTAL_ADDRESS",
)
DEBUG = env.bool("DEBUG", not any(env.str(name, "") for name in required))
if missing := [name for name in required if not DEBUG and not env.str(name, "")]:
    raise ImproperlyConfigured(
        f"These settings are missing from the environment: {', '.join(missing)}. "
        "docs/operating.md says what each is for. For a trial on your own machine, set DEBUG=1."
    )
VAR_DIR = Path(env.str("VAR_DIR", str(BASE_DIR / "var")))
HOST = env.str("HOST", "127.0.0.1")
PORT = env.int("PORT", 8000)
host_in_url = f"[{HOST}]" if ":" in HOST else HOST
is_on_localhost = HOST in {"127.0.0.1", "0.0.0.0", "::", "::1"}
SITE_URL = env.str("SITE_URL", f"http://{'localhost' if is_on_localhost else host_in_url}:{PORT}").rstrip("/")
# On a desk the product answers to local names, HOST, SITE_URL and the names given here alone: its pages of unexpected
# errors tell too much.
desk_hosts = ["localhost", ".localhost", "127.0.0.1", "[::1]", host_in_url, urlsplit(SITE_URL).hostname or "localhost"]
ALLOWED_HOSTS = [*(desk_hosts if DEBUG else []), *env.list("ALLOWED_HOSTS", [])]
SECRET_KEY = env.str("SECRET_KEY", "a-key-for-a-desk-only-" + "0" * 40)
# Links signed with an old key stay valid until the key is removed from this list.
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", [])
DATABASES = {"default": env.dj_db_url("DATABASE_URL", embedded_servers.database_url(VAR_DIR), conn_max_age=60)}
REDIS_URL = env.str("REDIS_URL", embedded_servers.redis_url(VAR_DIR))

# The publication
PUBLICATION_NAME = env.str("PUBLICATION_NAME", "Paper Round")
DEFAULT_FROM_EMAIL = env.str("FROM_EMAIL", f"{PUBLICATION_NAME} <papers@paper-round.invalid>")
REPLY_TO = env.str("REPLY_TO", "")
POSTAL_ADDRESS = env.str("POSTAL_ADDRESS", "A trial on somebody’s desk: set POSTAL_ADDRESS")
LIST_ID = env.str("LIST_ID", "papers." + (urlsplit(SITE_URL).hostname or "localhost"))
# Suppressed addresses are kept as hashes under this key: set it before you ever change SECRET_KEY.
ADDRESS_KEY = env.str("ADDRESS_KEY", SECRET_KEY)
# Show Hugging Face's machine summaries instead of our own two lines, in issues published from then on.
SHOW_MACHINE_SUMMARIES = env.bool("SHOW_MACHINE_SUMMARIES", False)
if "@" not in parseaddr(DEFAULT_FROM_EMAIL)[1]:
    raise ImproperlyConfigured("FROM_EMAIL holds no address. Write it as “Paper Round <papers@example.org>”.")

# Apps and middleware
INSTALLED_APPS = [
    "newsletter",
    "newsletter.mailbox",
    "newsletter.papers",
    "newsletter.issues",
    "subscribers",
    "digests",
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "anymail",
    "auditlog",
    "axes",
    "csp",
    "django_htmx",
    "django_otp",
    "django_otp.plugins.otp_static",
    "django_otp.plugins.otp_totp",
]
MIDDLEWARE = [
    # First, so that every response has their headers, error pages too.
    "newsletter.responses.content_policy.ContentPolicy",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "newsletter.responses.error_pages.DesignedErrors",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "newsletter.responses.append_slash.AppendSlash",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "newsletter.accounts.idle_logout.IdleLogout",
    "django_otp.middleware.OTPMiddleware",
    "newsletter.accounts.second_factor_middleware.SecondFactorGate",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "newsletter.urls"
WSGI_APPLICATION = "newsletter.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Pages: templates, formats, static files, the admin's theme
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "newsletter.responses.context_processors.publication",
            ]
        },
    }
]
LANGUAGE_CODE = "en"
USE_I18N = False
FORMAT_MODULE_PATH = "newsletter.formats"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = VAR_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
UNFOLD = theme.unfold(PUBLICATION_NAME)

# Accounts and logging in
LOGIN_URL = reverse_lazy("admin:login")
LOGIN_REDIRECT_URL = reverse_lazy("admin:index")  # after a login without a page of this site in ?next
SESSION_COOKIE_AGE = 3600 * env.int("SESSION_HOURS", 12, validate=at_least(1))
SESSION_IDLE = timedelta(minutes=env.int("SESSION_IDLE_MINUTES", 60, validate=at_least(1)))
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
# Every account needs a second factor for the admin; where this is off, only accounts that have one are asked for it.
TWO_FACTOR = env.bool("TWO_FACTOR", not DEBUG)
OTP_TOTP_ISSUER = PUBLICATION_NAME
# After this many wrong passwords in a row, a name is locked for the network they came from.
AXES_FAILURE_LIMIT = env.int("LOGIN_FAILURES", 5, validate=at_least(1))
AXES_COOLOFF_TIME = timedelta(minutes=env.int("LOGIN_LOCK_MINUTES", 15, validate=at_least(1)))
# After so many from a network it is locked for all names; after so many for a name from all networks together, one
# attempt in 30 seconds is looked at.
LOGIN_FAILURES_PER_NETWORK = env.int("LOGIN_FAILURES_PER_NETWORK", 20, validate=at_least(1))
LOGIN_FAILURES_PER_NAME = env.int("LOGIN_FAILURES_PER_NAME", 20, validate=at_least(1))
AXES_HANDLER = "newsletter.accounts.lockout.LoginLimits"
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_USERNAME_CALLABLE = "newsletter.accounts.lockout.typed_name"
AXES_CLIENT_IP_CALLABLE = "newsletter.accounts.lockout.network_address"
AXES_LOCKOUT_CALLABLE = "newsletter.accounts.lockout.lockout_page"
AXES_RESET_ON_SUCCESS = True
# Attempts during a lockout do not extend it: otherwise anybody could keep a known name locked for ever.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_ENABLE_ADMIN = AXES_VERBOSE = False
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "csrfmiddlewaretoken"]
AUDIT_KEPT_DAYS = env.int("AUDIT_KEPT_DAYS", 730, validate=at_least(1))  # how long the audit log keeps an act

# HTTP: TLS, proxies, headers, uploads
CSRF_TRUSTED_ORIGINS = [SITE_URL]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = SITE_URL.startswith("https:")
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
SECURE_HSTS_SECONDS = 31_536_000 if SECURE_SSL_REDIRECT else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE_SSL_REDIRECT
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
BEHIND_PROXY = env.bool("BEHIND_PROXY", False)
# How many of our own proxies a request passes: this many addresses at the right of X-Forwarded-For are trusted.
TRUSTED_HOPS = env.int("TRUSTED_HOPS", int(BEHIND_PROXY), validate=at_least(0))
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "base-uri": [NONE],
        "object-src": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "img-src": [SELF, "data:"],
    },
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 262_144
WEBHOOK_MAX_BYTES = 5 * 1024 * 1024  # enough for a thousand events, the most a provider posts at once
IMPORT_MAX_BYTES = 1_000_000 * env.int("IMPORT_MAX_MB", 200, validate=at_least(1))  # of a file of readers
FILE_UPLOAD_HANDLERS = [
    "subscribers.imports.upload_limit.BoundedUpload",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

# Mail providers. A provider is a module of anymail.backends ("mailgun", "postmark", "amazon_ses", …), "smtp" or
# "mailbox"; its keys are read under Anymail's own names (MAILGUN_API_KEY, …). Letters: mail that a person waits for.
EMAIL_PROVIDER = env.str("EMAIL_PROVIDER", "mailbox")
EMAIL_LETTERS_PROVIDER = env.str("EMAIL_LETTERS_PROVIDER", "") or EMAIL_PROVIDER
MAILBOX_DIR = VAR_DIR / "mailbox"
EMAIL_BACKEND, EMAIL_LETTERS_BACKEND = (
    {
        "mailbox": "newsletter.mailbox.backend.EmailBackend",
        "smtp": "django.core.mail.backends.smtp.EmailBackend",
    }.get(provider, f"anymail.backends.{provider}.EmailBackend")
    for provider in (EMAIL_PROVIDER, EMAIL_LETTERS_PROVIDER)
)
for name, provider, backend in (
    ("EMAIL_PROVIDER", EMAIL_PROVIDER, EMAIL_BACKEND),
    ("EMAIL_LETTERS_PROVIDER", EMAIL_LETTERS_PROVIDER, EMAIL_LETTERS_BACKEND),
):
    if not provider.isidentifier() or importlib.util.find_spec(backend.rpartition(".")[0]) is None:
        raise ImproperlyConfigured(
            f"{name} is “{provider}”, which no backend of Anymail is called. "
            "Use for example mailgun, postmark, brevo, resend, amazon_ses, or smtp."
        )
# Postmark keeps streams apart in one account; letters go to this one.
LETTERS_STREAM = env.str("LETTERS_STREAM", "")
if LETTERS_STREAM and EMAIL_LETTERS_PROVIDER != "postmark":
    raise ImproperlyConfigured("LETTERS_STREAM is set, and only Postmark has streams: letters go elsewhere.")
# What receivers look up to tell our mail from a forger's, for `check_mail`
DKIM_SELECTOR: list[str] = env.list("DKIM_SELECTOR", [], subcast=str.strip)  # names of the keys that sign our mail
DKIM_DOMAIN = env.str("DKIM_DOMAIN", "")  # whose keys they are; empty: the domain of FROM_EMAIL
RETURN_PATH_DOMAIN = env.str("RETURN_PATH_DOMAIN", "")  # where a provider has undelivered mail returned to
# The public IP addresses that an own mail server sends from
SENDING_ADDRESSES: list[str] = env.list("SENDING_ADDRESSES", [], subcast=lambda text: str(ip_address(text.strip())))
NAME_SERVER = env.str("NAME_SERVER", "")  # "address:port", asked in place of this machine's own
if NAME_SERVER and not re.fullmatch(r"(\[[0-9a-fA-F:]+\]|[0-9.]+):\d+", NAME_SERVER):
    raise ImproperlyConfigured(f"NAME_SERVER is “{NAME_SERVER}”. Write it as “9.9.9.9:53” or “[2620:fe::fe]:53”.")
EMAIL_TIMEOUT = env.int("EMAIL_TIMEOUT", 20)
SMTP_CONNECTIONS = env.int("SMTP_CONNECTIONS", 8)  # of each sending process
globals().update(
    (name, value)
    for name, value in env.dj_email_url("EMAIL_URL", "smtp://localhost:25").items()
    if name.startswith(("EMAIL_HOST", "EMAIL_PORT", "EMAIL_USE"))
)
# The present providers have a webhook each, and a former one while it still reports bounces of what it sent.
WEBHOOK_FORMER_PROVIDERS: list[str] = env.list("WEBHOOK_FORMER_PROVIDERS", [], subcast=str.strip)
providers = (EMAIL_PROVIDER, EMAIL_LETTERS_PROVIDER, *WEBHOOK_FORMER_PROVIDERS)
ANYMAIL: dict[str, object] = {
    name: value
    for name, value in os.environ.items()
    if name.startswith(tuple(f"{provider.upper()}_" for provider in providers))
} | {
    "REQUESTS_TIMEOUT": EMAIL_TIMEOUT,
    # "name:password", as in the address that the provider posts events to; two while one replaces the other.
    "WEBHOOK_SECRET": env.list("WEBHOOK_SECRET", env.list("ANYMAIL_WEBHOOK_SECRET", [])),
    # Amazon's library would repeat a call that timed out, and so send it twice.
    "AMAZON_SES_CLIENT_PARAMS": {
        "config": {
            "retries": {"total_max_attempts": 1, "mode": "standard"},
            "connect_timeout": EMAIL_TIMEOUT,
            "read_timeout": EMAIL_TIMEOUT,
        }
    },
}
EVENT_KEPT = timedelta(days=env.int("EVENT_KEPT_DAYS", 30))

# What comes back to an SMTP sender. Each mail has an envelope address of its own: bounces+TOKEN@example.org where
# BOUNCE_ADDRESS is bounces@example.org, and TOKEN@bounces.example.org where it is @bounces.example.org.
BOUNCE_ADDRESS = env.str("BOUNCE_ADDRESS", "")
if BOUNCE_ADDRESS and not re.fullmatch(r"([\w.=-]{1,31})?@([a-z0-9-]+\.)+[a-z0-9-]+", BOUNCE_ADDRESS, re.A | re.I):
    raise ImproperlyConfigured(
        f"BOUNCE_ADDRESS is “{BOUNCE_ADDRESS}”. Write it as “bounces@example.org”, with at most 31 plain letters "
        "before the @ and no “+”, or as “@bounces.example.org” where a domain has no other mail."
    )

# Where that mail is read from: imaps://name:password@host/INBOX (or imap://, with STARTTLS), or maildir:///a/folder.
# Read mails are moved to the one folder, those that were not understood to the other.
BOUNCE_MAILBOX = env.str("BOUNCE_MAILBOX", "")
BOUNCE_READ_FOLDER = env.str("BOUNCE_READ_FOLDER", "Read")
BOUNCE_ODD_FOLDER = env.str("BOUNCE_ODD_FOLDER", "Not understood")
if BOUNCE_MAILBOX and not re.match(r"imaps?://[^\s/:@]+:[^\s/@]+@[^\s/@]|maildir:///", BOUNCE_MAILBOX):
    raise ImproperlyConfigured(
        "BOUNCE_MAILBOX cannot be read. Write it as “imaps://name:password@host/INBOX”, with “%40” for an @ in the "
        "name and “%2F” for a slash, or as “maildir:///var/mail/bounces”."
    )

# Who hears of trouble. ALERT_WEBHOOK gets it as {"title", "text", "url"}. HEARTBEAT_URL is called once for each issue
# that is over and whose counts close: name a service there that alerts you when it hears nothing.
ADMINS = [(name, address) for name, address in map(parseaddr, env.list("OPERATORS", [])) if address]
ALERT_WEBHOOK = env.str("ALERT_WEBHOOK", "")
HEARTBEAT_URL = env.str("HEARTBEAT_URL", "")
for name, url in (("ALERT_WEBHOOK", ALERT_WEBHOOK), ("HEARTBEAT_URL", HEARTBEAT_URL)):
    if url and not re.fullmatch(r"https?://[^\s/]+\S*", url):
        raise ImproperlyConfigured(
            f"{name} is no address that can be posted to. Write it as “https://alerts.example.org/…”, "
            "or leave it empty to do without."
        )

# Pace: what all workers together hand to the provider of digests; 0 sets no limit
SEND_RATE = env.float("SEND_RATE", 0.0, validate=at_least(0))  # messages per second
SEND_CALLS_AT_ONCE = env.int("SEND_CALLS_AT_ONCE", 16, validate=at_least(1))
# Calls per minute where the provider grants others than `newsletter/mail/provider_limits.py` says; 0 sets no limit.
SEND_CALLS_A_MINUTE: int | None = env.int("SEND_CALLS_A_MINUTE", None, validate=at_least(0))
# Readers of one call, or of small calls that share a commit: where an answer proves nothing, so many are in doubt.
READERS_IN_DOUBT = env.int("READERS_IN_DOUBT", 200, validate=at_least(1))
SEND_DAILY_CAP = env.int("SEND_DAILY_CAP", 0, validate=at_least(0))  # messages per day of UTC
SEND_WARMUP: list[int] = env.list("SEND_WARMUP", [], subcast=int)  # messages on each day from SEND_WARMUP_FROM
SEND_WARMUP_FROM: date | None = env.date("SEND_WARMUP_FROM", None)
LETTERS_SHARE = env.float("LETTERS_SHARE", 0.1, validate=validate.Range(min=0.01, max=0.9))  # reserved for letters
LETTERS_RATE = env.float("LETTERS_RATE", 0.0, validate=at_least(0))  # where letters have a provider of their own
SEND_BREAKER_FAILURES = env.int("SEND_BREAKER_FAILURES", 5, validate=at_least(1))  # consecutive
SEND_BREAKER_SECONDS = env.int("SEND_BREAKER_SECONDS", 60, validate=at_least(1))  # until one call tries again
SEND_SLOW_SECONDS = env.float("SEND_SLOW_SECONDS", 10.0, validate=at_least(0.1))  # a slower call counts as a failure
for name, rate in (("SEND_RATE", SEND_RATE), ("LETTERS_RATE", LETTERS_RATE)):
    if 0 < rate < 0.01:
        raise ImproperlyConfigured(f"{name} is {rate}: less than one message in 100 seconds. 0 means no limit.")
if any(messages < 1 for messages in SEND_WARMUP):
    raise ImproperlyConfigured("SEND_WARMUP has a day without messages. Write it as “50,100,500,1000,5000”.")
if SEND_WARMUP and SEND_WARMUP_FROM is None:
    raise ImproperlyConfigured("SEND_WARMUP needs SEND_WARMUP_FROM, the plan’s first day, as in “2026-05-04”.")

# Papers, and what trends among them
FEED_ALLOW_LOOPBACK = env.bool("FEED_ALLOW_LOOPBACK", False)
FEED_PORTS = env.list("FEED_PORTS", [80, 443], subcast=int)
ARXIV_PAUSE_SECONDS = env.float("ARXIV_PAUSE_SECONDS", 3.0)
VOTES_PER_DAY = env.int("VOTES_PER_DAY", 50, validate=at_least(0))  # of one reader, within 24 hours
PROPOSALS_PER_DAY = env.int("PROPOSALS_PER_DAY", 3, validate=at_least(0))
# The trending formula, in votes: docs/decisions, “What trends”
TRENDING_GROWTH = env.float("TRENDING_GROWTH", 1.0)  # added to each vote of the last day
TRENDING_COMMENT = env.float("TRENDING_COMMENT", 0.5)
TRENDING_MENTION = env.float("TRENDING_MENTION", 2.0)  # a source of weight 1 that lists the paper
TRENDING_STAR = env.float("TRENDING_STAR", 2.0)  # times ln(1 + stars gained): 10 stars are 4.8 votes, 1,000 are 13.8
TRENDING_PICK = env.float("TRENDING_PICK", 30.0)  # the votes of the best tenth of a day's papers
TRENDING_RIPE_HOURS = env.float("TRENDING_RIPE_HOURS", 24.0)  # until then votes count by the cube of the time passed
TRENDING_HALF_LIFE_DAYS = env.float("TRENDING_HALF_LIFE_DAYS", 2.0)
# Times the probability that a paper gets votes, less each day after the listing and with each vote; 0: no forecast
TRENDING_FORECAST_WEIGHT = env.float("TRENDING_FORECAST_WEIGHT", 40.0, validate=at_least(0))

# Issues
ISSUE_CUTOFF = env.time("ISSUE_CUTOFF", time(5, 0))
ISSUE_FRONT_SIZE = env.int("ISSUE_FRONT_SIZE", 40)
DRAFT_MAILED_MINUTES_BEFORE = env.int("DRAFT_MAILED_MINUTES_BEFORE", 60, validate=at_least(0))  # 0: never
# For this many readers or more, publishing by hand takes a second editor; 0 never asks for one.
PUBLISH_ALONE_BELOW = env.int("PUBLISH_ALONE_BELOW", 10_000, validate=at_least(0))

# Digests
DIGEST_SPAN = timedelta(days=env.int("DIGEST_SPAN_DAYS", 14))
DIGEST_LATEST = timedelta(hours=env.int("DIGEST_LATEST_HOURS", 12))
DIGEST_KEEP = timedelta(days=env.int("DIGEST_KEEP_DAYS", 90))  # how long a mail can be shown again
DIGEST_SHELF_PER_TOPIC = env.int("DIGEST_SHELF_PER_TOPIC", 5)
DIGEST_SHELF_AGE = timedelta(days=env.int("DIGEST_SHELF_DAYS", 7, validate=validate.Range(min=0)))
if DIGEST_KEEP < 2 * DIGEST_SPAN:
    raise ImproperlyConfigured(
        f"DIGEST_KEEP_DAYS is {DIGEST_KEEP.days}, too short to know what readers had before: "
        f"with DIGEST_SPAN_DAYS={DIGEST_SPAN.days} it is at least {2 * DIGEST_SPAN.days}."
    )

# Sending
BATCH_SIZE = env.int("BATCH_SIZE", 1000)
SEND_LEASE = timedelta(seconds=env.int("SEND_LEASE_SECONDS", 60))  # of a worker; longer than a call may take
SEND_FORGOTTEN = timedelta(seconds=env.int("SEND_FORGOTTEN_SECONDS", 30))  # the sweep wakes a batch that waits longer
# Providers that can be asked what became of a delivery in doubt are asked so long after the doubt, and an hour later.
PROVIDER_LOOKUPS = env.bool("PROVIDER_LOOKUPS", True)
LOOKUP_DELAY = timedelta(seconds=env.int("LOOKUP_DELAY_SECONDS", 300, validate=at_least(0)))
longest_call = EMAIL_TIMEOUT * (2.5 if EMAIL_PROVIDER == "smtp" else 1)
if SEND_LEASE.total_seconds() <= longest_call:
    raise ImproperlyConfigured(
        f"SEND_LEASE_SECONDS is {SEND_LEASE.seconds}, and a call may last {longest_call:g} seconds by EMAIL_TIMEOUT: "
        "a lease has to be longer. Raise the one or lower the other."
    )
# Sending pauses itself above these shares of an issue's readers, once PAUSE_AFTER of them were mailed.
PAUSE_AFTER = env.int("PAUSE_AFTER", 1000)
PAUSE_COMPLAINTS_PERCENT = env.float("PAUSE_COMPLAINTS_PERCENT", 0.1, validate=at_least(0.001))
PAUSE_BOUNCES_PERCENT = env.float("PAUSE_BOUNCES_PERCENT", 5.0, validate=at_least(0.001))
# And after so many mails of an hour that are refused for a fault of ours, or this share of the last twenty answers.
PAUSE_REFUSALS = env.int("PAUSE_REFUSALS", 20, validate=at_least(0))  # 0: only the share counts
PAUSE_REFUSALS_PERCENT = env.float("PAUSE_REFUSALS_PERCENT", 50.0, validate=validate.Range(min=1, max=101))

# Sign-up: docs/addresses.md
SIGNUPS_PER_NETWORK = env.int("SIGNUPS_PER_NETWORK", 20, validate=at_least(0))  # per hour, until a proof of work
SIGNUP_MIN_SECONDS = env.float("SIGNUP_MIN_SECONDS", 2.0, validate=at_least(0))  # a faster form needs one, too
SIGNUP_CONFIRMATIONS_A_MINUTE = env.int("SIGNUP_CONFIRMATIONS_A_MINUTE", 60, validate=at_least(1))
DISPOSABLE_DOMAINS_FILE = env.str("DISPOSABLE_DOMAINS_FILE", "")  # the operator's own list, added to the shipped one
if DISPOSABLE_DOMAINS_FILE and not Path(DISPOSABLE_DOMAINS_FILE).is_file():
    raise ImproperlyConfigured(f"DISPOSABLE_DOMAINS_FILE is “{DISPOSABLE_DOMAINS_FILE}”, where there is no file.")

# Web processes and workers
WEB_CONCURRENCY = env.int("WEB_CONCURRENCY", 2, validate=at_least(1))
WEB_THREADS = 8  # each holds a database connection: WEB_THREADS × WEB_CONCURRENCY in total
CONNECTIONS_PER_NETWORK = env.int("CONNECTIONS_PER_NETWORK", 50, validate=at_least(0))  # of one process; 0: no limit
WEB_HEADER_SECONDS = env.float("WEB_HEADER_SECONDS", 10.0, validate=at_least(0.1))  # for all headers of a request
WEB_BODY_SECONDS = env.float("WEB_BODY_SECONDS", 30.0, validate=at_least(0.1))  # for its body; an upload has longer
WORKER_CONCURRENCY = {
    "letters": env.int("LETTERS_CONCURRENCY", 1),
    "sending": env.int("SENDING_CONCURRENCY", 2),
    "digests": env.int("DIGESTS_CONCURRENCY", 2),
    "feeds": env.int("FEEDS_CONCURRENCY", 2),
    "figures": env.int("FIGURES_CONCURRENCY", 1),
}
# A socket's address is written "unix://" for the Redis client and "redis+socket://" for Celery.
CELERY_BROKER_URL = (
    REDIS_URL.replace("unix://", "redis+socket://", 1).replace("?db=", "?virtual_host=")
    if REDIS_URL.startswith("unix://")
    else REDIS_URL
)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SOFT_TIME_LIMIT = 600
CELERY_TASK_TIME_LIMIT = 660
CELERY_TASK_DEFAULT_QUEUE = "digests"
CELERY_TASK_ROUTES = task_routes.ROUTES
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE = schedule.SCHEDULE
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1

LOGGING = log_redaction.logging_config(env.str("LOG_LEVEL", "INFO"))
