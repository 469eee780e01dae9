from datetime import UTC, datetime
from datetime import time as midnight

from django.conf import settings
from django.db import connection

from digests.models.delivery_state import MAY_HAVE_LEFT
from newsletter import clock
from subscribers.models import Letter


def count_sent_today() -> int:
    """Count the mails that may have left on this UTC day, for when Redis has lost the count. Errs on the high side.

    Includes letters, unless they have a provider of their own.
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
