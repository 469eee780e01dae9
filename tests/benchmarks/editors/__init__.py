"""The benchmarks of the pages that editors work with."""
