"""An issue sent while everything breaks: workers killed, Redis emptied and gone, PostgreSQL thrown down, errors, 429.

`python -m tests.chaos --readers 100000` prints what happened, and exits with 1 where a promise of sending is broken.
"""
