"""Import readers from a CSV file of another service or of our own export.

In: a file and an ImportRun with its options, from the admin or the command import_subscribers.
Out: readers, consents and suppressions, written in chunks, and a report with the result of every row.
May import: models, addresses, subscription, csv_cells, phrases and digest_schedule.
"""
