"""Starting and running the product: embedded servers, checks before the start, first content, processes, health.

In come settings and the environment; out come running processes, and `CannotStart` with one sentence for a person.
It is wiring: it may import every app, and only the other wiring (`urls`, `tasks`, commands) imports it.
"""
