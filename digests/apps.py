from django.apps import AppConfig
from django.core.checks import register


class DigestsConfig(AppConfig):
    name = "digests"

    def ready(self) -> None:
        from digests.monitoring import return_mailbox, system_checks
        from digests.reader_pages.first_digest import first_digest
        from digests.sending import bounced_spans, sent_today, switch
        from subscribers import ports

        sending = (switch.is_held, sent_today.count_sent_today, first_digest, bounced_spans.give_back_bounced)
        ports.connect(ports.Sending(*sending))
        register(system_checks.check_sending)
        register(system_checks.check_webhook)
        register(system_checks.check_way_of_notices)
        register(system_checks.check_synchronous_commit)
        register(return_mailbox.check_returned_mail)
