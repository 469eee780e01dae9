"""The admin of issues, cutoffs and proposals, and the issue column in the list of papers.

In: requests of editors with their permissions.
Out: pages, edits made through desk, and an audit record of every change.
May import: everything in issues, and the admin of papers; digests extends the issue admin.
"""

from newsletter.issues.admin import cutoffs as cutoffs
from newsletter.issues.admin import issue as issue
from newsletter.issues.admin import papers as papers
from newsletter.issues.admin import prepare as prepare
from newsletter.issues.admin import proposals as proposals
