"""The models of readers: subscribers, preferences, consents, letters, suppressions and imports."""

from subscribers.models.choice import Preferences, PreferencesQuerySet, PreferencesTopic
from subscribers.models.import_run import ImportRun
from subscribers.models.letter import Letter, SignupRequest
from subscribers.models.reader import Consent, Farewell, Subscriber, SubscriberQuerySet
from subscribers.models.suppression import LiftedSuppression, Suppression

__all__ = [
    "Consent", "Farewell", "ImportRun", "Letter", "LiftedSuppression", "Preferences", "PreferencesQuerySet",
    "PreferencesTopic", "SignupRequest", "Subscriber", "SubscriberQuerySet", "Suppression",
]  # fmt: skip
