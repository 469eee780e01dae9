"""Choose the papers of a digest and put them in order.

Published issues, a reader's choice and the papers the reader was sent before come in. An ordered list of papers, each
with its reason, goes out, or the one reason why there is no digest. `spans`, `standings` and `recent_issues` read the
database; the other modules use no database, clock or settings.
"""
