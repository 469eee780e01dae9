"""An HTTP session for calls that are alike but for their bodies, on urllib3's connection pool.

For a small call, requests takes longer to prepare it than the provider takes to answer it, and small digests make many
calls. So the request is prepared once, and each call goes straight to the pool. The pool, with its proxies and
certificates, is the one requests would use, and errors are raised as those of requests.
"""

from typing import Any

import requests
import urllib3
from requests.hooks import dispatch_hook
from requests.utils import get_encoding_from_headers
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

ONCE = urllib3.Retry(0, read=False)  # no second try; an error of the connection carries its reason


class Session:
    """Takes the place of Anymail's session. It keeps no cookies and follows no redirects.

    A redirected POST becomes a GET, whose answer would say nothing of the mails.
    """

    def __init__(self, session: requests.Session) -> None:
        self.session = session
        self.last: dict[str, Any] = {}
        self.url = ""

    def request(self, data: Any, timeout: float, files: Any = None, **params: Any) -> requests.Response:
        if files or not isinstance(data, bytes | str):  # a form
            params |= {"data": data, "files": files, "timeout": timeout, "allow_redirects": False}
            return self.session.request(**params)
        if params != self.last:
            self.prepare(params)
            self.last = params
        response = self.response_of(self.post(data.encode() if isinstance(data, str) else data, timeout))
        dispatch_hook("response", self.prepared.hooks, response)  # type: ignore[no-untyped-call]
        return response

    def prepare(self, params: dict[str, Any]) -> None:
        self.prepared = self.session.prepare_request(requests.Request(**params))
        self.headers = dict(self.prepared.headers)
        self.headers.pop("Content-Length", None)  # of no body yet; the pool counts each call's
        if self.prepared.url != self.url:
            self.url = str(self.prepared.url)
            self.open_pool()

    def open_pool(self) -> None:
        options = self.session.merge_environment_settings(self.url, {}, False, None, None)
        verify, proxies, cert = options["verify"], options["proxies"], options["cert"]
        adapter: Any = self.session.get_adapter(self.url)
        self.pool: Any = adapter.get_connection_with_tls_context(self.prepared, verify, proxies, cert)
        adapter.cert_verify(self.pool, self.url, verify, cert)
        self.pool.ConnectionCls = WholeHTTPS if self.pool.scheme == "https" else WholeHTTP
        self.path = adapter.request_url(self.prepared, proxies)

    def post(self, body: bytes, timeout: float) -> urllib3.BaseHTTPResponse:
        """Make one call, and read its answer whole, so that the connection is free for the next."""
        try:
            answer: urllib3.BaseHTTPResponse = self.pool.urlopen(
                str(self.prepared.method),
                self.path,
                body,
                self.headers,
                ONCE,
                redirect=False,
                assert_same_host=False,
                timeout=timeout,
            )
        except (HTTPError, OSError) as exc:
            reason = getattr(exc, "reason", None)  # why there is no connection; a refused one is no timeout
            is_timeout = isinstance(reason, ConnectTimeoutError) and not isinstance(reason, NewConnectionError)
            raise (requests.ConnectTimeout if is_timeout else requests.ConnectionError)(exc) from exc
        return answer

    def response_of(self, answer: urllib3.BaseHTTPResponse) -> requests.Response:
        response = requests.Response()
        response.status_code, response.reason, response._content = answer.status, answer.reason or "", answer.data
        response.headers = answer.headers  # type: ignore[assignment]
        response.encoding = get_encoding_from_headers(response.headers)
        response.url, response.request = self.url, self.prepared
        return response

    def close(self) -> None:
        self.session.close()


class Whole:
    """Writes a request in one piece, so that the server wakes once for it."""

    parts: list[bytes] | None = None

    def request(self, *args: Any, **kwargs: Any) -> None:
        self.parts = []
        try:
            super().request(*args, **kwargs)  # type: ignore[misc]
            parts = self.parts
        finally:
            self.parts = None
        self.send(b"".join(parts))

    def send(self, data: Any) -> None:
        if self.parts is None:
            super().send(data)  # type: ignore[misc]
        else:
            self.parts.append(data)


class WholeHTTP(Whole, HTTPConnection):
    pass


class WholeHTTPS(Whole, HTTPSConnection):
    pass
