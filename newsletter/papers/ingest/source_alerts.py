"""Mail editors and operators about sources that have failed, or brought nothing new, for a day."""

from datetime import timedelta

from django.conf import settings
from django.contrib.auth import get_user_model
from django.urls import reverse

from newsletter import clock
from newsletter.mail import message
from newsletter.papers.models import Source
from newsletter.papers.source_health import Freshness, freshness_of

PATIENCE = timedelta(days=1)


def report_troubled_sources() -> list[Source]:
    """Mail editors and operators once about each source in trouble; return those sources."""
    sources = [source for source in Source.objects.fetched().filter(reported_at=None) if is_troubled(source)]
    if not sources:
        return []
    context = {
        "sources": sources,
        "admin_url": settings.SITE_URL + reverse("admin:papers_source_changelist"),
    }
    for address in addresses():
        message.hand_over(message.compose("papers/mail/trouble", context, address, tag="trouble"))
    Source.objects.filter(pk__in=[source.pk for source in sources]).update(reported_at=clock.now())
    return sources


def is_troubled(source: Source) -> bool:
    """Return whether a source has been failing for a day, or answers with old listings only."""
    if source.failure_count:
        since = source.last_success_at or source.created_at
        return since is not None and since < clock.now() - PATIENCE
    is_listing = source.kind in {Source.Kind.HF_DAILY, Source.Kind.ARXIV}
    return is_listing and freshness_of(source.health, clock.today(), clock.now()) == Freshness.STALE


def addresses() -> list[str]:
    editors = get_user_model()._default_manager.filter(is_staff=True, is_active=True).exclude(email="")
    operators = [address for _, address in settings.ADMINS]
    return sorted({*editors.values_list("email", flat=True), *operators})
