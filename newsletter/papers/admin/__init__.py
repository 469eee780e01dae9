"""The admin's pages of papers, sources and topics."""

from newsletter.papers.admin import forecasts as forecasts
from newsletter.papers.admin import papers as papers
from newsletter.papers.admin import sources as sources
from newsletter.papers.admin import topics as topics
