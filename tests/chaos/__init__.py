"""Send an issue while everything breaks: killed workers, an empty or absent Redis, PostgreSQL crashes, errors, 429.

`python -m tests.chaos --readers 100000` prints what happened, and exits with 1 if a promise of sending is broken.
"""
