"""Readers' votes and proposals.

In comes what a reader submits, with an opaque key instead of the reader; out go votes, which become sightings of a
source of our own, and proposals, which editors decide. This package may import `ingest` and everything below it, but
knows neither readers nor issues.
"""
