from django.db import models
from django.db.models import Q

from newsletter import clock


class TrainedForecast(models.Model):
    """A forecast that was trained on this installation's papers: plain numbers, and what is known of them."""

    trained_at = models.DateTimeField(default=clock.now)
    arrays = models.BinaryField()  # as ForecastModel.arrays writes them
    facts = models.JSONField()  # as ForecastModel.described returns them
    is_in_use = models.BooleanField("in use", default=False)

    class Meta:
        ordering = ("-trained_at",)
        constraints = [
            models.UniqueConstraint(fields=("is_in_use",), condition=Q(is_in_use=True), name="one_forecast_in_use"),
        ]

    def __str__(self) -> str:
        return f"Forecast of {self.trained_at:%-d %B %Y}"
