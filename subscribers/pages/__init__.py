"""The public pages of readers: sign-up, confirmation, preferences, pause, new address and unsubscribing.

In: HTTP requests; a reader is identified by the signed token of a link.
Out: responses, calls into subscription, and tasks queued on commit.
May import: every other package of subscribers except admin; digests serves its own reader pages with link_pages.
"""
