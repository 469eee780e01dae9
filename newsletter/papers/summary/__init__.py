"""The two lines that are shown of a paper.

A clean abstract and its title come in. The sentence that states the contribution goes out, in the authors' words and
at most 200 characters. The package imports nothing else of the product.
"""
