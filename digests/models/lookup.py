"""What providers were asked about deliveries in doubt."""

from django.db import models
from django.db.models import Q

from newsletter import clock


class ProviderLookup(models.Model):
    """An uncertain delivery that its provider is asked about, and what was said; kept as long as its delivery."""

    delivery_id = models.BigIntegerField(unique=True)
    provider = models.CharField(max_length=40)
    noted_at = models.DateTimeField(default=clock.now)  # when the doubt was first seen
    next_at = models.DateTimeField(null=True)  # when it is asked about next, None for never
    asked_count = models.PositiveSmallIntegerField(default=0)  # of questions that were answered
    asked_at = models.DateTimeField(null=True)
    after = models.CharField(max_length=200, blank=True, default="")  # where an answer of several pages goes on
    said = models.CharField(max_length=300, blank=True, default="")  # the last answer, in words

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=("next_at", "id"), condition=~Q(next_at=None), name="lookup_due")]

    def __str__(self) -> str:
        return f"{self.provider} on delivery {self.delivery_id}: {self.said or 'not asked yet'}"
