from datetime import UTC, datetime
from datetime import time as midnight

from django.conf import settings
from django.db import connection

from digests.models.delivery_state import MAY_HAVE_LEFT
from newsletter import clock
from subscribers.models import Letter


def handed_over_today() -> int:
    """Count what was handed over on this day of UTC, for a pace that forgot it: rather too much.

    Letters are among it; where they have a provider of their own, no day of theirs is counted.
    """
    start = datetime.combine(clock.today(), midnight(), UTC)
    letters = Letter.objects.filter(sending_at__gte=start)
    shared = letters.count() if settings.EMAIL_LETTERS_PROVIDER == settings.EMAIL_PROVIDER else 0
    with connection.cursor() as cursor:
        cursor.execute(SENT_TODAY, [start - 2 * settings.DIGEST_LATEST, start])
        return int(cursor.fetchone()[0]) + shared


SENT_TODAY = f"""
SELECT count(*) FROM digests_batch b JOIN digests_delivery d ON d.batch_id = b.id
WHERE b.made_at > %s AND coalesce(b.finished_at, b.started_at) >= %s AND {MAY_HAVE_LEFT}
"""
