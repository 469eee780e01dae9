"""What came back and was not understood, and how the mailbox stands that it is read from."""

from django.db import models
from django.db.models import Q

from newsletter import clock


class ReturnedMail(models.Model):
    """A mail that no event was made of, without addresses and links; of a forwarded one only that there was one."""

    class Why(models.TextChoices):
        ODD = "odd", "Not understood"
        NOT_OURS = "not_ours", "A report on no mail that we can prove is ours"
        FORGED = "forged", "Its address has a signature that is not ours"
        LOOP = "loop", "A mail of ours that came back whole"
        UNREADABLE = "unread", "Not readable"
        KEPT = "kept", "Written by a person, and not forwarded"
        FORWARDED = "forwarded", "Written by a person, and forwarded"

    key = models.CharField(max_length=64, unique=True)  # a hash of the whole mail
    why = models.CharField(max_length=9, choices=Why)
    note = models.CharField(max_length=300, blank=True, default="")
    subject = models.CharField(max_length=200, blank=True, default="")
    text = models.TextField(blank=True, default="")
    size = models.PositiveIntegerField()  # bytes
    delivery_id = models.BigIntegerField(null=True)
    letter_id = models.BigIntegerField(null=True)
    received_at = models.DateTimeField(default=clock.now)

    class Meta:
        verbose_name_plural = "returned mail"
        indexes = [models.Index(fields=("why", "received_at"), name="returned_mail_by_why")]

    def __str__(self) -> str:
        return f"{self.get_why_display()} ({self.received_at:%Y-%m-%d %H:%M} UTC)"


class ReturnMailbox(models.Model):
    """How the mailbox stands that returned mail is read from; one row."""

    read_at = models.DateTimeField(null=True)
    failing_since = models.DateTimeField(null=True)
    fault = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="returned_mail_has_one_mailbox")]

    def __str__(self) -> str:
        return self.fault or (f"Read at {self.read_at:%Y-%m-%d %H:%M} UTC" if self.read_at else "Never read")
