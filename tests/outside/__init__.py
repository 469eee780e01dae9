"""Mail providers as they look from here: servers on loopback that keep a ledger, fail as planned and post webhooks."""
