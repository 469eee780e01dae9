"""The benchmarks of papers: coming in, topics, ranking, choosing."""
