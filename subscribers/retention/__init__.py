"""Delete personal data: unconfirmed sign-ups, old IP addresses, unused preferences, traces of erased readers.

In: the clock, and for an erasure the reader.
Out: deleted or cleared rows; every function is safe to repeat.
May import: models and addresses.
"""
