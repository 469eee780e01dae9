"""Fetch the sources' listings and store them as papers.

In come the findings of `sources` (or an editor's corrections, or the sample papers); out go rows of papers, their
aliases, sightings and topics, and the outcome of each fetch on its source. `fetch` fetches, `store` writes,
`field_priority` decides between sources, `duplicates` merges and splits. This package may import `sources`, `topics`,
the models, and modules below them.
"""
