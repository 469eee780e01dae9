"""Requests to a second editor to confirm a publication."""

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from newsletter import clock
from newsletter.issues.models import Issue
from newsletter.state_machine import StatefulModel


class PublishRequestQuerySet(models.QuerySet["PublishRequest"]):
    def standing(self) -> Self:
        """Keep open requests whose issue is unpublished and unchanged since."""
        is_open = Q(issue__status__in=(Issue.Status.DRAFT, Issue.Status.HELD))
        return self.filter(is_open, status=PublishRequest.Status.OPEN, issue__revision=F("revision"))


class PublishRequest(StatefulModel):
    """One editor's request to publish an issue to many readers, and another editor's answer."""

    class Status(models.TextChoices):
        OPEN = "open", "Waits for a second editor"
        CONFIRMED = "confirmed", "Confirmed"
        DECLINED = "declined", "Declined"
        VOID = "void", "Void"

    MOVES = {
        Status.CONFIRMED: {Status.OPEN},
        Status.DECLINED: {Status.OPEN},
        Status.VOID: {Status.OPEN},
    }

    issue = models.ForeignKey(Issue, models.CASCADE, related_name="publish_requests")
    status = models.CharField(max_length=9, choices=Status, default=Status.OPEN)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    asked_at = models.DateTimeField(default=clock.now)
    # What the request covers: this revision of the issue, and the numbers its editor saw.
    revision = models.PositiveIntegerField()
    papers = models.PositiveIntegerField()
    readers = models.PositiveIntegerField()
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    words = models.CharField(max_length=300, blank=True, default="")

    objects = PublishRequestQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=("issue",), condition=Q(status="open"), name="one_open_request_an_issue"),
            models.CheckConstraint(
                condition=~Q(status="confirmed", decided_by=F("asked_by")), name="second_editor_is_another_one"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.issue}: {self.get_status_display()}"
