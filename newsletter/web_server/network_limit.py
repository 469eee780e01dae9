"""A limit on what the clients of one network keep open at once."""

from collections import defaultdict
from typing import Protocol

from newsletter.client_network import UNKNOWN


class Displaceable(Protocol):
    def displace(self) -> bool:
        """End this if it still waits for its client; return False while it is being answered."""


class NetworkLimit:
    """Admits at most `per_network` entries of a network, and `total` of all networks together.

    A newcomer displaces the oldest entry that waits for its client. So slow clients never keep others out, not even
    those of their own network. A limit of 0 is none, and an unknown network has none of its own.
    """

    def __init__(self, per_network: int, total: int = 0) -> None:
        self.per_network, self.total = per_network, total
        self.entries: dict[Displaceable, str] = {}  # from the oldest to the newest
        self.of_network: dict[str, dict[Displaceable, None]] = defaultdict(dict)

    def admit(self, network: str, entry: Displaceable) -> bool:
        """Return False where the limit is reached and nothing can be displaced."""
        has_room = self._make_room(self.entries, self.total)
        if network != UNKNOWN:
            has_room = has_room and self._make_room(self.of_network.get(network, {}), self.per_network)
        if has_room:
            self.entries[entry] = network
            self.of_network[network][entry] = None
        return has_room

    def leave(self, entry: Displaceable) -> None:
        network = self.entries.pop(entry, None)
        if network is None:
            return
        del self.of_network[network][entry]
        if not self.of_network[network]:
            del self.of_network[network]

    def _make_room(self, entries: "dict[Displaceable, str] | dict[Displaceable, None]", limit: int) -> bool:
        if not limit or len(entries) < limit:
            return True
        displaced = next((entry for entry in entries if entry.displace()), None)
        if displaced is not None:
            self.leave(displaced)
        return displaced is not None
