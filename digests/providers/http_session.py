"""Calls that are alike but for their bodies: what requests works out anew for each is worked out once.

To prepare a call costs more than to make it, and small digests make many calls. Sessions, adapters, proxies,
certificates and errors stay those of requests.
"""

from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.hooks import dispatch_hook
from requests.utils import get_encoding_from_headers
from urllib3.connection import HTTPConnection, HTTPSConnection


class Session:
    """Stands where Anymail has its session. Cookies are not kept, and redirects not followed.

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
        call = self.prepared.copy()
        call.body = data.encode() if isinstance(data, str) else data
        call.headers["Content-Length"] = str(len(call.body))
        response = self.adapter.send(call, timeout=timeout, **self.options)
        dispatch_hook("response", call.hooks, response)  # type: ignore[no-untyped-call]
        return response

    def prepare(self, params: dict[str, Any]) -> None:
        self.prepared = self.session.prepare_request(requests.Request(**params))
        if self.prepared.url != self.url:
            self.url = str(self.prepared.url)
            self.options: dict[str, Any] = {**self.session.merge_environment_settings(self.url, {}, False, None, None)}
            self.adapter = Adapter()
            # The session closes what is mounted.
            self.session.mount(self.url, self.adapter)

    def close(self) -> None:
        self.session.close()


class Adapter(HTTPAdapter):
    """Makes calls to one address."""

    pool: Any = None
    path = ""

    def get_connection_with_tls_context(self, request: Any, verify: Any, proxies: Any = None, cert: Any = None) -> Any:
        if self.pool is None:
            pool: Any = super().get_connection_with_tls_context(request, verify, proxies, cert)
            super().cert_verify(pool, request.url, verify, cert)  # type: ignore[no-untyped-call]
            pool.ConnectionCls = WholeHTTPS if pool.scheme == "https" else WholeHTTP
            self.path = super().request_url(request, proxies)
            self.pool = pool
        return self.pool

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Leave it: the pool was given its certificates when it was made."""

    def request_url(self, request: Any, proxies: Any) -> str:
        return self.path

    def build_response(self, req: Any, resp: Any) -> requests.Response:
        response = requests.Response()
        response.status_code, response.reason, response.headers = resp.status, resp.reason, resp.headers
        response.encoding = get_encoding_from_headers(resp.headers)
        response.raw, response.url, response.request = resp, req.url, req
        # Read here, so that the connection is free for the next call.
        _ = response.content
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
