"""Addresses that are never mailed, and suppressions that were lifted."""

from django.db import models, transaction

from newsletter import clock
from subscribers.addresses.canonical import hash_address

LONGEST_NOTE = 300  # characters


class Suppression(models.Model):
    """An address that is never mailed again; kept after the subscriber is erased."""

    class Reason(models.TextChoices):
        BOUNCE = "bounce", "The address bounced"
        COMPLAINT = "complaint", "The reader marked it as spam"
        MANUAL = "manual", "Added by an operator"
        ERASED = "erased", "The reader was erased"
        PROVIDER = "provider", "The provider no longer mails it"
        REFUSED = "refused", "Its owner did not sign up"

    address_hash = models.CharField(max_length=64, unique=True)
    reason = models.CharField(max_length=9, choices=Reason)
    at = models.DateTimeField(default=clock.now)
    note = models.CharField(max_length=LONGEST_NOTE, blank=True, default="", db_default="")

    class Meta:
        ordering = ("-at", "-pk")
        indexes = [models.Index(fields=("-at", "-id"), name="suppression_newest")]

    def __str__(self) -> str:
        return f"{self.address_hash[:12]} ({self.get_reason_display()})"

    @property
    def audit_name(self) -> str:
        return f"Suppression {self.pk}"

    @classmethod
    def holds(cls, canonical: str) -> bool:
        return cls.objects.filter(address_hash=hash_address(canonical)).exists()

    @transaction.atomic
    def lift(self, by: str, note: str) -> bool:
        """Delete the suppression, and record by whom and why; return False if it was changed or lifted meanwhile."""
        if not Suppression.objects.filter(pk=self.pk, reason=self.reason).delete()[0]:
            return False
        kept = {"address_hash": self.address_hash, "reason": self.reason, "suppressed_at": self.at}
        LiftedSuppression.objects.create(**kept, by=by, note=note)
        return True


class LiftedSuppression(models.Model):
    """A suppression that an operator lifted, and why."""

    address_hash = models.CharField(max_length=64, db_index=True)
    reason = models.CharField(max_length=9, choices=Suppression.Reason)
    suppressed_at = models.DateTimeField()
    lifted_at = models.DateTimeField(default=clock.now)
    by = models.CharField(max_length=200)
    note = models.CharField(max_length=LONGEST_NOTE)

    class Meta:
        ordering = ("-lifted_at",)

    def __str__(self) -> str:
        return f"{self.address_hash[:12]}, lifted by {self.by}"
