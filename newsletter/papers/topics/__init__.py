"""Give papers their topics by the rules that editors keep.

In come papers and the rules of topics (categories, phrases, exclusions); out go rows of PaperTopic with their
evidence, and previews and counts for the pages of topics. This package may import the models and modules below them,
but neither sources nor ranking.
"""
