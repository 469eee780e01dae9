"""Edits of an issue, as the admin page offers them.

In: an Edit (issue, user, revision seen) and the values of a form.
Out: the changed issue with an audit record and a message for the editor, or EditRefused.
May import: draft, publish and models of issues, and papers; it knows no admin.
"""
