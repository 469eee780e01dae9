"""Takes deliveries, batches and readers as they stand in the database.

Returns counts by issue, paper and day, and the tallies stored for the admin's home page. May import models and
providers, and no step of the flow: whatever shows or stores figures calls it.
"""
