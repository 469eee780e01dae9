"""The web server: uvicorn with limits on connections, and a gate that reads bodies before a thread is taken.

`python -m newsletter.web_server` listens on HOST and PORT with WEB_CONCURRENCY processes of WEB_THREADS threads each.
"""
