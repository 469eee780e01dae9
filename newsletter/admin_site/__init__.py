"""What all pages of the admin share: fast lists, the audit log, accounts, and the theme.

Other packages hand in their models and ModelAdmin classes; out come pages that answer fast and log every change.
It may import `accounts` and the leaves of `newsletter`, and no app.
"""
