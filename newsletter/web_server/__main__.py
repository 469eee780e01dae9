"""Run the web server until a signal comes; processes that end are started again."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsletter.settings")

from django.conf import settings
from uvicorn import Config
from uvicorn.supervisors import Multiprocess

from newsletter.web_server.connection import LimitedConnection

STOP_SECONDS = 3  # for requests that are being answered
HUNG_SECONDS = 20  # without a sign of life, after which a process is replaced
HEADER_BYTES = 65_536  # of all headers of a request


def configuration() -> Config:
    return Config(
        "newsletter.asgi:application",
        host=settings.HOST,
        port=settings.PORT,
        workers=settings.WEB_CONCURRENCY,
        http=LimitedConnection,
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,  # newsletter/client_network.py reads them
        server_header=False,
        h11_max_incomplete_event_size=HEADER_BYTES,
        timeout_keep_alive=round(settings.WEB_HEADER_SECONDS),
        timeout_graceful_shutdown=STOP_SECONDS,
        timeout_worker_healthcheck=HUNG_SECONDS,
    )


def run() -> None:
    config = configuration()
    Multiprocess(config, sockets=[config.bind_socket()]).run()


if __name__ == "__main__":
    run()
