"""What all answers of the site share: policy headers, template context, error pages, and the redirect to a last slash.

In come requests and responses; out come the same with headers, or a page that says what went wrong.
It may import `mail` and the ground floor of `newsletter`, and no app; settings and urls name it by dotted paths.
"""
