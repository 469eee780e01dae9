"""What operators are told during a trouble: the admin's home, the notices, and `reconcile`."""

from io import StringIO

from django.core.management import CommandError, call_command

from digests.admin import dashboard_blocks
from digests.models import Notice
from digests.monitoring import alerts
from newsletter import clock


def tell_home() -> list[str]:
    """Return what stands first on the admin's home."""
    return [errand.words for errand in dashboard_blocks.find_obstacles()]


def tell_notices() -> list[str]:
    """Return the titles of all notices so far, once the alerts are up to date."""
    alerts.update_alerts()
    return list(Notice.objects.order_by("pk").values_list("title", flat=True))


def tell_reconcile() -> str:
    """Return what `reconcile` says of today, with the reason if it fails."""
    said = StringIO()
    try:
        call_command("reconcile", f"{clock.today()}", "--skip-checks", stdout=said)
    except CommandError as exc:
        return f"{said.getvalue()}{exc}"
    return said.getvalue()


def show(when: str) -> None:
    """Print all three."""
    print(f"{when}\n  home: {tell_home()}\n  notices: {tell_notices()}")
    print("  reconcile: " + tell_reconcile().strip().replace("\n", "\n             "), flush=True)


def judge(promises: dict[str, bool]) -> int:
    """Print the broken promises; return 1 if there are any."""
    broken = [words for words, is_kept in promises.items() if not is_kept]
    print("\n".join([*(f"BROKEN: {words}" for words in broken), "Broken." if broken else "Every promise was kept."]))
    return int(bool(broken))
