"""The digests of six readers over ten recorded days, to be read and judged by a person.

In: the recorded feeds beside the project. Out: one text and one HTML file a mail, and a table of all papers in them,
with a column for the verdict. The verdicts that people gave are kept in `verdicts.csv`.
"""
