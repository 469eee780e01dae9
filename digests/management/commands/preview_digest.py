from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from digests.mail import links, slots
from digests.mail.reader_words import words_of_reader
from digests.management.commands.explain import reader_of
from digests.previews import explanation, reader_day
from digests.previews.reader_day import Preview
from digests.providers.interface import word_slots
from newsletter import clock
from newsletter.clocked_command import ClockedCommand, day
from subscribers.models import Subscriber


class Command(ClockedCommand):
    help = "Show a reader’s recomputed digest of a day; if none was due, what the present preferences would bring."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("email", help="the reader’s address")
        parser.add_argument("date", type=day, metavar="DATE", help="a day in the reader’s zone, e.g. 2026-05-04")
        parser.add_argument("--html", action="store_true", help="print the HTML part instead of the text part")

    def run(self, **options: Any) -> None:
        reader, asked = reader_of(options["email"]), options["date"]
        today = clock.now().astimezone(reader.timezone).date()
        if asked > max(today, clock.today()):
            raise CommandError(f"{asked} lies ahead of this reader, for whom it is {today}: no issue is known yet.")
        for preview in reader_day.preview_day(reader, asked):
            self.show(reader, preview, is_html=options["html"])

    def show(self, reader: Subscriber, preview: Preview, is_html: bool) -> None:
        # The HTML can be kept in a file as it is.
        (self.stderr if is_html else self.stdout).write(head_of(reader, preview) + "\n", style_func=str)
        parts = preview.compose()
        if parts is not None:
            self.stdout.write(slots.fill(parts.html if is_html else parts.text, slots_of(reader, preview)))


def head_of(reader: Subscriber, preview: Preview) -> str:
    slot = f"{preview.slot.astimezone(reader.timezone):%Y-%m-%d %H:%M} ({reader.timezone})"
    state = (
        explanation.describe_delivery(preview.delivery) if preview.delivery else "nothing was due; by today's choice"
    )
    return f"{slot}, {state}: " + (f"“{preview.subject}”" if preview.items else f"no digest, {preview.reason}")


def slots_of(reader: Subscriber, preview: Preview) -> dict[str, str]:
    if (delivery := preview.delivery) is None:
        no_links = dict.fromkeys(slots.LINK_SLOTS, settings.SITE_URL)
        return {**no_links, **word_slots(words_of_reader(reader, reader.preferences_id))}
    own_links = links.links(delivery.pk, reader.pk, reader.token_epoch)
    return {**own_links, **word_slots(words_of_reader(reader, delivery.preferences_id))}
