"""Whose turn it is to change papers: one transaction at a time, of all workers and editors."""

from django.db import connection

CHANGING_PAPERS = 7_301_001  # PostgreSQL's advisory lock


def take_turn() -> None:
    """Wait until nobody else changes papers; the turn ends with the transaction. Safe to repeat inside it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CHANGING_PAPERS])
