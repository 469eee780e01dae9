"""Publishes, holds and withdraws issues for editors: the checklist, a second editor's approval, and the counts.

In: an issue, an editor, and the numbers that the editor saw. Out: the issue's new status, an audit entry, requests to
a second editor, and findings that stop or warn.
May import previews, monitoring, reader_pages and everything below; not provider_events.
"""
