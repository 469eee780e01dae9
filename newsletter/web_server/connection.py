"""One connection of uvicorn, with limits that uvicorn does not have: its network's, and a deadline for headers."""

import asyncio
from typing import Any

from django.conf import settings
from uvicorn.protocols.http.h11_impl import H11Protocol

from newsletter.client_network import UNKNOWN, network_of
from newsletter.web_server.network_limit import NetworkLimit

STALLED_SECONDS = 30
MOST_CONNECTIONS = 800  # of one process; a process may often have no more than 1024 open files
limit = NetworkLimit(settings.CONNECTIONS_PER_NETWORK, MOST_CONNECTIONS)


class LimitedConnection(H11Protocol):
    """A connection that is closed when its next request is late or its network opens too many."""

    deadline: asyncio.TimerHandle | None = None  # for the next request
    stalled: asyncio.TimerHandle | None = None  # while the client takes nothing

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if limit.admit(self.network(), self):
            self._set_deadline()
        else:
            transport.abort()

    def network(self) -> str:
        """Return the client's network; behind a proxy every connection comes from the proxy, so it is unknown."""
        return UNKNOWN if settings.TRUSTED_HOPS or self.client is None else network_of(self.client[0])

    def connection_lost(self, exc: Exception | None) -> None:
        limit.leave(self)
        for timer in (self.deadline, self.stalled):
            if timer:
                timer.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._set_deadline()

    def displace(self) -> bool:
        if self.is_answering():
            return False
        self.transport.abort()
        return True

    def shutdown(self) -> None:
        """Close the connection at once unless its request is being answered."""
        if not self.displace():
            super().shutdown()

    def is_answering(self) -> bool:
        """Return whether the whole request has arrived and the response has not left."""
        return self.cycle is not None and not self.cycle.more_body and not self.cycle.response_complete

    def pause_writing(self) -> None:
        """Close the connection unless its client soon takes what waits for it: a thread may wait to write more."""
        super().pause_writing()
        self.stalled = self.loop.call_later(STALLED_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        if self.stalled:
            self.stalled.cancel()
        super().resume_writing()

    def _set_deadline(self) -> None:
        if self.deadline:
            self.deadline.cancel()
        self.deadline = self.loop.call_later(settings.WEB_HEADER_SECONDS, self._close_when_late, self.cycle)

    def _close_when_late(self, last_cycle: Any) -> None:
        """Close the connection if no request has begun since `last_cycle`, whose body may still arrive unread."""
        if self.cycle is last_cycle and (last_cycle is None or last_cycle.response_complete):
            self.transport.abort()
