"""The advisory lock on papers: only one transaction at a time changes them."""

from newsletter import advisory_locks
from newsletter.advisory_locks import Lock


def wait_for_papers_lock() -> None:
    """Wait for the lock and hold it until the transaction ends. Safe to repeat in the same transaction."""
    advisory_locks.wait_in_transaction(Lock.PAPERS)
