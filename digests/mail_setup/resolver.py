"""Asks name servers, within one total time for all questions of a check."""

import time

import dns.exception
import dns.flags
import dns.name
import dns.resolver
import dns.reversename

QUERY_SECONDS = 3.0  # for one question
CHECK_SECONDS = 30.0  # for all questions of one check
EDNS_BYTES = 1232  # the largest answer by UDP that no network splits; longer ones come by TCP


class NoAnswer(Exception):
    """No name server answered in time, or all answered with an error: nothing is known about the record."""


class Resolver:
    """Looks records up and remembers them. `server` is "address:port"; empty means this machine's name servers.

    Every method raises NoAnswer, and returns an empty list where the record or the name does not exist. Answers are
    sorted: name servers shuffle them.
    """

    def __init__(self, server: str = "", seconds: float = CHECK_SECONDS) -> None:
        self.deadline = time.monotonic() + seconds
        self.known: dict[tuple[str, str], list[str]] = {}
        self.server = server
        self.stub: dns.resolver.Resolver | None = None

    def seconds_left(self) -> float:
        return max(0.0, self.deadline - time.monotonic())

    def txt(self, host: str) -> list[str]:
        return self.ask(host, "TXT")

    def exchangers(self, domain: str) -> list[str]:
        """Return the hosts that take mail for `domain`, best first; [""] where it says that it takes none."""
        ranked = sorted((int(rank), host) for rank, host in (text.split(" ", 1) for text in self.ask(domain, "MX")))
        return [host.rstrip(".") for _, host in ranked]

    def addresses(self, host: str) -> list[str]:
        return [*self.ask(host, "A"), *self.ask(host, "AAAA")]

    def names(self, address: str) -> list[str]:
        """Return the names that an IP address has (PTR)."""
        reverse = dns.reversename.from_address(address).to_text(omit_final_dot=True)
        return [name.rstrip(".").lower() for name in self.ask(reverse, "PTR")]

    def ask(self, host: str, kind: str) -> list[str]:
        key = (host.lower().rstrip("."), kind)
        if key not in self.known:
            self.known[key] = self.look_up(*key)
        return self.known[key]

    def look_up(self, host: str, kind: str) -> list[str]:
        try:
            name = dns.name.from_text(host)
        except (dns.exception.DNSException, UnicodeError):
            return []  # no such name can exist
        if not (seconds := self.seconds_left()):
            raise NoAnswer("The time for all look-ups was over")
        self.stub = self.stub or stub_resolver(self.server)
        try:
            answer = self.stub.resolve(name, kind, lifetime=min(QUERY_SECONDS, seconds), search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except dns.resolver.NoNameservers as exc:
            raise NoAnswer(f"The name servers of {host} answer with an error") from exc
        except (dns.exception.DNSException, OSError) as exc:
            raise NoAnswer(f"No name server answered in time about {host}") from exc
        if kind == "TXT":
            return sorted(b"".join(record.strings).decode(errors="replace") for record in answer)
        return sorted(record.to_text() for record in answer)


def stub_resolver(server: str) -> dns.resolver.Resolver:
    """Return a resolver that asks `server`; raise NoAnswer where this machine names no name server."""
    if server:
        stub = dns.resolver.Resolver(configure=False)
        address, _, port = server.rpartition(":")
        stub.nameservers, stub.port = [address.strip("[]")], int(port)
    else:
        try:
            stub = dns.resolver.Resolver()
        except dns.resolver.NoResolverConfiguration as exc:
            raise NoAnswer("This machine names no name server") from exc
    stub.use_edns(0, 0, EDNS_BYTES)
    return stub
