"""Watches sending for operators: alerts, notices, heartbeat, reconciliation, system checks, test mails and retention.

In: rows of deliveries, batches and letters, the breaker in Redis, and DNS. Out: mails and webhook posts to operators,
sentences for the admin and the commands, and the deletion of old rows.
May import assembly, sending, mail, selection, statistics, models and providers; not previews or reader_pages.
"""
