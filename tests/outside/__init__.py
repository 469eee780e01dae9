"""Mail providers as they look from here: servers on loopback that keep a ledger, fail as planned and post webhooks.

    with providing("mailgun") as provider, override_settings(**provider.settings):
        provider.plan(faults.failing(503, accepts=True, times=2), faults.refused("*@gone.example"))
        …
        provider.accepted()  # what the ledger holds, one entry a recipient
        provider.post_events(webhook_url, kinds=[Kind.DELIVERED], copies=2, is_shuffled=True)

`providing_apart` runs the same as a process; `python -m tests.outside NAME --ledger FILE` does so by hand.
"""
