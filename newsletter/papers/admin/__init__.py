"""The admin's pages of papers, sources and topics.

In come requests of editors and operators; out go pages, and calls of the same functions that tasks and commands call.
This package may import everything else in `papers`, and nothing imports it except Django's autodiscovery and
the admin pages of higher packages.
"""

from newsletter.papers.admin import forecasts as forecasts
from newsletter.papers.admin import objections as objections
from newsletter.papers.admin import papers as papers
from newsletter.papers.admin import sources as sources
from newsletter.papers.admin import topics as topics
