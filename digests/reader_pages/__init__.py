"""The pages that readers open from a digest or their choices: digests, votes, proposals, personal data.

In: a request with a signed token or the cookie that it was exchanged for. Out: pages, votes and proposals in papers, a
reader's exported data, and erasure.
May import assembly, sending, mail, selection, statistics, models and providers; not previews or monitoring.
"""
