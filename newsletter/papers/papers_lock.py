"""Whose turn it is to change papers: one transaction at a time, of all workers and editors."""

from newsletter import advisory_locks
from newsletter.advisory_locks import Lock


def take_turn() -> None:
    """Wait until nobody else changes papers; the turn ends with the transaction. Safe to repeat inside it."""
    advisory_locks.wait_in_transaction(Lock.PAPERS)
