"""What readers would get of an issue, or got on a past day, worked out again by assembly's own functions.

In: an issue, reader or day. Out: previewed mails, explanations, reach and forecasts; only the reach of an issue is
stored, and only editors' tests are mailed.
May import assembly, sending, mail, selection, statistics, models and providers; not monitoring or reader_pages.
"""
