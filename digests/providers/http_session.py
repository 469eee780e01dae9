"""An HTTP session for calls that are alike but for their bodies, on urllib3's connection pool.

For a small call, requests takes longer to prepare it than the provider takes to answer it, and small digests make many
calls. So the request is prepared once, and each call goes straight to the pool. The pool, with its proxies and
certificates, is the one requests would use, and errors are raised as those of requests.
"""

from typing import Any, NamedTuple

import requests
import urllib3
from requests.hooks import dispatch_hook
from requests.utils import get_encoding_from_headers
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

ONCE = urllib3.Retry(0, read=False)  # no second try; an error of the connection carries its reason


class Prepared(NamedTuple):
    """A request without its body, and the pool that it goes to."""

    request: requests.PreparedRequest
    headers: dict[str, str]
    pool: Any
    path: str


class Session:
    """Takes the place of Anymail's session; threads may share it. It keeps no cookies and follows no redirects.

    A redirected POST becomes a GET, whose answer would say nothing of the mails.
    """

    def __init__(self, session: requests.Session) -> None:
        self.session = session
        self.last: tuple[dict[str, Any], Prepared] | None = None

    def request(self, data: Any, timeout: float, files: Any = None, **params: Any) -> requests.Response:
        if files or not isinstance(data, bytes | str):  # a form
            params |= {"data": data, "files": files, "timeout": timeout, "allow_redirects": False}
            return self.session.request(**params)
        last = self.last
        if last is None or params != last[0]:
            last = self.last = params, self.prepare(params)
        prepared = last[1]
        response = response_of(post(prepared, data.encode() if isinstance(data, str) else data, timeout), prepared)
        dispatch_hook("response", prepared.request.hooks, response)  # type: ignore[no-untyped-call]
        return response

    def prepare(self, params: dict[str, Any]) -> Prepared:
        request = self.session.prepare_request(requests.Request(**params))
        headers = dict(request.headers)
        headers.pop("Content-Length", None)  # of no body yet; the pool counts each call's
        return Prepared(request, headers, *self.pool_for(request))

    def pool_for(self, request: requests.PreparedRequest) -> tuple[Any, str]:
        """Return the pool that requests would use, the same one for one address, and the path in it."""
        url = str(request.url)
        options = self.session.merge_environment_settings(url, {}, False, None, None)
        verify, proxies, cert = options["verify"], options["proxies"], options["cert"]
        adapter: Any = self.session.get_adapter(url)
        pool: Any = adapter.get_connection_with_tls_context(request, verify, proxies, cert)
        adapter.cert_verify(pool, url, verify, cert)
        pool.ConnectionCls = WholeHTTPS if pool.scheme == "https" else WholeHTTP
        return pool, adapter.request_url(request, proxies)

    def close(self) -> None:
        self.session.close()


def post(prepared: Prepared, body: bytes, timeout: float) -> urllib3.BaseHTTPResponse:
    """Make one call, and read its answer whole, so that the connection is free for the next."""
    try:
        answer: urllib3.BaseHTTPResponse = prepared.pool.urlopen(
            str(prepared.request.method),
            prepared.path,
            body,
            prepared.headers,
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


def response_of(answer: urllib3.BaseHTTPResponse, prepared: Prepared) -> requests.Response:
    response = requests.Response()
    response.status_code, response.reason, response._content = answer.status, answer.reason or "", answer.data
    response.headers = answer.headers  # type: ignore[assignment]
    response.encoding = get_encoding_from_headers(response.headers)
    response.url, response.request = str(prepared.request.url), prepared.request
    return response


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
