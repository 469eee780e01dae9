"""The tables of digests: what goes out, on its way, what comes back, and what operators decide."""

from digests.models.content import Card, CardsPruned, Digest, Frame
from digests.models.delivery import Assembly, Batch, BatchQuerySet, Delivery
from digests.models.events import ProviderEvent, ProviderEventQuerySet
from digests.models.operation import (
    Alert,
    AlertQuerySet,
    Heartbeat,
    Notice,
    NoticeQuerySet,
    SendingSwitch,
    SwitchChange,
)
from digests.models.sight import LinkCheck, ReachFigure

__all__ = [
    "Alert", "AlertQuerySet", "Assembly", "Batch", "BatchQuerySet", "Card", "CardsPruned", "Delivery", "Digest",
    "Frame", "Heartbeat", "LinkCheck",
    "Notice", "NoticeQuerySet", "ProviderEvent", "ProviderEventQuerySet", "ReachFigure",
    "SendingSwitch", "SwitchChange",
]  # fmt: skip
