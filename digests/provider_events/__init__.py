"""Takes what providers post to the webhook, and operators' decisions on held bounces.

Leaves facts on deliveries and letters, suppressions, unsubscriptions, and a pause of sending where an issue is over a
limit. May import monitoring, sending and all below them; nothing but tasks, admin and URLs imports it.
"""
