"""Issues: each day's edition of papers, drafted automatically, edited in the admin and published at its cutoff.

In: scored papers and readers' proposals from papers, and editors' decisions.
Out: a published Issue whose entries are snapshots, public pages of it, and sightings of editors' picks.
May import: papers and the packages below it; never subscribers or digests.
"""
