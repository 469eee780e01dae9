"""A name server on loopback that knows the records a test wrote down."""

import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

BROKEN = ["SERVFAIL"]  # in place of a host's records: the server answers with an error


@contextmanager
def naming(records: Mapping[str, list[str]]) -> Iterator[str]:
    """Answer for `records` while the block runs; yield the server's address and port.

    A key is a host, for its TXT records, or a host and a kind: "example.org MX".
    """

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            data, sock = self.request
            sock.sendto(answer(dns.message.from_wire(data), records).to_wire(), self.client_address)

    with socketserver.ThreadingUDPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def answer(query: dns.message.Message, records: Mapping[str, list[str]]) -> dns.message.Message:
    response = dns.message.make_response(query)
    response.flags |= dns.flags.RA
    host, kind = query.question[0].name, dns.rdatatype.to_text(query.question[0].rdtype)
    zone = {key if " " in key else f"{key} TXT": values for key, values in records.items()}
    name = host.to_text(omit_final_dot=True)
    if values := zone.get(f"{name} {kind}"):
        if values == BROKEN:
            response.set_rcode(dns.rcode.SERVFAIL)
        else:
            written = [quoted(value) if kind == "TXT" else value for value in values]
            response.answer.append(dns.rrset.from_text(host, 60, "IN", kind, *written))
    elif not any(key.split(" ")[0].endswith(name) for key in zone):
        response.set_rcode(dns.rcode.NXDOMAIN)
    return response


def quoted(text: str) -> str:
    """Write a TXT record; one string of it holds 255 bytes at most."""
    return " ".join(f'"{text[at : at + 255]}"' for at in range(0, len(text), 255))
