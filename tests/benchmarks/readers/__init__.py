"""The benchmarks of what readers do on pages, and of importing them."""
