"""A local mailbox for trials: an Anymail backend that writes each mail to a file, and pages that show them.

In come messages in Anymail's vocabulary; out come files in MAILBOX_DIR and pages under /mailbox/.
It may import nothing of `newsletter`.
"""
