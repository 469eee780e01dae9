"""The bounds of what readers choose, and what they get who choose nothing. Pure."""

from datetime import timedelta

USUAL_DETAIL = "lines"  # of Preferences.Detail
USUAL_MAX_PAPERS = 10
MOST_PAPERS = 30
LONGEST_PAUSE = timedelta(days=366)
