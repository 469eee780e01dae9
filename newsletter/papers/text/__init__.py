"""Convert the texts of sources to plain Unicode.

In comes a title, abstract or author's name with TeX, tags, entities and invisible characters; out goes one line of
plain text. `cleaning` is the entry point, `tex_text` and `tex_math` convert TeX. This package knows no table and no
setting, and imports nothing of the project outside itself.
"""
