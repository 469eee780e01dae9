"""Choose the papers of a digest and put them in order.

Published issues, a reader's choice and the papers that the reader had before come in; an ordered choice, each paper
with its reason, or the one reason why there is none, goes out. It may import the models of digests, issues and papers;
`rules`, `entry_index` and `choice_effect` are pure and use no database, clock or settings.
"""
