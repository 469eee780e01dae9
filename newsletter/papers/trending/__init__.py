"""Rank papers by what their sources show.

In come sightings, listing days and the weights of sources; out go each paper's score, and the published ranking of a
day with its inputs, which can be computed again. `formula` is pure arithmetic. This package may import the models and
modules below them, but neither sources nor ingest.
"""
