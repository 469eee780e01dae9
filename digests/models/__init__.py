"""The tables of digests: content, deliveries, provider events, and operators' decisions.

Rows come from and go to the steps above; the models decide nothing beyond their own row. They may import issues,
subscribers and the leaves of `newsletter`.
"""

from digests.models.content import Card, CardsPruned, Digest, Frame
from digests.models.delivery import Assembly, Batch, BatchQuerySet, Delivery
from digests.models.events import ProviderEvent, ProviderEventQuerySet, SignatureToken
from digests.models.lookup import ProviderLookup
from digests.models.operation import (
    Alert,
    AlertQuerySet,
    Heartbeat,
    MailSetup,
    Notice,
    NoticeQuerySet,
    SendingSwitch,
    SwitchChange,
)
from digests.models.release import PublishRequest, PublishRequestQuerySet
from digests.models.returned_mail import ReturnedMail, ReturnMailbox
from digests.models.sight import LinkCheck, ReachFigure
from digests.models.tally import DayOfReaders, IssueTally

__all__ = [
    "Alert", "AlertQuerySet", "Assembly", "Batch", "BatchQuerySet", "Card", "CardsPruned", "DayOfReaders",
    "Delivery", "Digest", "Frame", "Heartbeat", "IssueTally", "LinkCheck", "MailSetup", "Notice", "NoticeQuerySet",
    "ProviderEvent", "ProviderEventQuerySet", "ProviderLookup", "PublishRequest", "PublishRequestQuerySet",
    "ReachFigure", "ReturnMailbox", "ReturnedMail", "SendingSwitch", "SignatureToken", "SwitchChange",
]  # fmt: skip
