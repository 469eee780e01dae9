"""Email addresses: the canonical spelling, which ones may sign up, and the keyed hash.

In: an address as typed or as found in a file.
Out: the canonical address or its hash, or an AddressError that says what is wrong.
May import: nothing else of subscribers; it reads no table.
"""
