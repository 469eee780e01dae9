from django.apps import AppConfig
from django.core.checks import register


class DigestsConfig(AppConfig):
    name = "digests"

    def ready(self) -> None:
        from digests.monitoring import system_checks

        register(system_checks.check_sending)
        register(system_checks.check_webhook)
        register(system_checks.check_synchronous_commit)
