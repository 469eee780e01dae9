"""Writes the digests of the readers who are due.

In: due readers and published issues. Out: rows of digests, deliveries and batches.
May import mail, selection, statistics, models and providers; not sending, previews or reader_pages.
"""
