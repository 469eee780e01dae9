"""Reads what comes back to an SMTP sender: reports, complaints, automatic answers, and what people write.

In come mails from a mailbox over IMAP, a maildir or a pipe, all of them from strangers. Out come provider events,
which go the way of those that webhooks bring; unsubscriptions; mails forwarded to REPLY_TO; and rows of what was not
understood. May import provider_events and all below; nothing but tasks, admin and commands imports it.
"""
