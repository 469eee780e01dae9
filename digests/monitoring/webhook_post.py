"""Small posts to addresses that the operator named: webhooks for alerts, and the heartbeat."""

import logging
from urllib.parse import urlsplit

import requests

TIMEOUT_SECONDS = 10
logger = logging.getLogger(__name__)


def post_json(url: str, body: dict[str, object]) -> bool:
    """Post `body` as JSON and follow no redirect; say whether it was taken. Of the address only the host is logged."""
    host = urlsplit(url).hostname
    try:
        with requests.post(url, json=body, timeout=TIMEOUT_SECONDS, allow_redirects=False, stream=True) as answer:
            status = answer.status_code
    except requests.RequestException as exc:
        logger.warning("%s could not be reached (%s); the next round tries again", host, type(exc).__name__)
        return False
    if not 200 <= status < 300:
        logger.warning("%s answered %s; the next round tries again", host, status)
    return 200 <= status < 300
