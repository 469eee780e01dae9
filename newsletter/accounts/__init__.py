"""Accounts of the people who work in the admin: roles, passwords, lockout and the second factor.

In come login attempts, codes and commands; out go Django users and groups, pages, and acts in the audit log.
It may import the leaves of `newsletter` (audit, clock, client_network), and no app.
"""
