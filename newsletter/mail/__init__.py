"""Sending one mail through a provider: compose it, keep the pace, and read the provider's answer.

In come templates or finished parts; out comes a SendOutcome, or `throttle.Wait` while nothing may be sent.
It may import `clock` of `newsletter`, and no app: what was sent today is passed in as a function.
"""
