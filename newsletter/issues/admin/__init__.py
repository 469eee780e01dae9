"""The admin's pages of issues, cutoffs and proposals."""

from newsletter.issues.admin import cutoffs as cutoffs
from newsletter.issues.admin import issue as issue
from newsletter.issues.admin import papers as papers
from newsletter.issues.admin import prepare as prepare
from newsletter.issues.admin import proposals as proposals
