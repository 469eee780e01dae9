from django.apps import AppConfig
from django.core.checks import register


class DigestsConfig(AppConfig):
    name = "digests"

    def ready(self) -> None:
        from digests import checks

        register(checks.check_sending)
        register(checks.check_webhook)
        register(checks.check_commits)
