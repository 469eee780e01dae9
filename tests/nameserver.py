"""A name server on loopback that knows the TXT records a test wrote down."""

import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rrset


@contextmanager
def naming(records: Mapping[str, list[str]]) -> Iterator[str]:
    """Answer for `records` by host while the block runs; yield the server's address and port."""

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
    name = query.question[0].name
    if texts := records.get(name.to_text(omit_final_dot=True)):
        quoted = [f'"{text}"' for text in texts]
        response.answer.append(dns.rrset.from_text(name, 60, "IN", "TXT", *quoted))
    else:
        response.set_rcode(dns.rcode.NXDOMAIN)
    return response
