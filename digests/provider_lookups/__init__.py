"""Asks providers what became of uncertain deliveries, a few calls a minute, and stores the answers as provider events.

One module for each provider that can be asked. An answer that names a mail of ours is an event like any that is
posted to the webhook, and settles its delivery the same way. An answer that does not name it proves nothing: no
provider says by when its records are complete, so a delivery is never taken for unsent because of one.
"""

from digests.provider_lookups.brevo import Brevo
from digests.provider_lookups.interface import Lookup
from digests.provider_lookups.mailgun import Mailgun
from digests.provider_lookups.postmark import Postmark
from digests.provider_lookups.resend import Resend
from digests.provider_lookups.sendgrid import SendGrid

LOOKUPS: dict[str, type[Lookup]] = {
    "brevo": Brevo,
    "mailgun": Mailgun,
    "postmark": Postmark,
    "resend": Resend,
    "sendgrid": SendGrid,
}
