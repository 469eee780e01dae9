"""The benchmarks of digests: assembling, sending, recording."""
