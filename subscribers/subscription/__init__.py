"""Sign-up, double opt-in, links by mail, unsubscribing and suppression.

In: what readers and strangers ask for on pages, in tasks and in the admin.
Out: changed rows of Subscriber, Consent, Suppression and SignupRequest, and planned Letters; nothing is sent here.
May import: models, tokens and addresses.
"""
