"""Checks whether receivers will trust our mail: the records they look up, and one mail as it was received.

In: the settings, DNS, the own mail server, and the source of a mail. Out: findings, each with what to do, and the row
of the last check. May import models; asked for by the admin, the tasks and `manage.py check_mail`.
"""
