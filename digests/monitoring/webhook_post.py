"""Posts JSON to URLs that the operator configured: the alert webhook and the heartbeat."""

import logging
from urllib.parse import urlsplit

import requests

TIMEOUT_SECONDS = 10
logger = logging.getLogger(__name__)


def post_json(url: str, body: dict[str, object]) -> bool:
    """Post `body` as JSON without following redirects; return whether the answer is 2xx. Logs only the host."""
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
