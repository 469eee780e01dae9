"""A mail server on loopback that says what a test wrote down beforehand."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

FRIENDLY = {
    "CONNECT": "220 ready",
    "EHLO": "250 at your service",
    "MAIL": "250 ok",
    "RCPT": "250 ok",
    "DATA": "354 go on",
    ".": "250 taken",
    "RSET": "250 ok",
    "QUIT": "221 bye",
}
HANG_UP = ""  # as an answer: the connection ends
SILENCE = "…"  # as an answer: none comes


class SmtpServer:
    """Answers each command as `answers` says, and keeps the messages it took."""

    def __init__(self) -> None:
        self.answers = dict(FRIENDLY)
        self.messages: list[str] = []
        self.commands: list[str] = []
        self.connections = 0
        self.held = 0  # so many messages are answered only once the next command has come
        self.done = threading.Event()
        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler_for(self))
        self.server.daemon_threads = True
        self.port: int = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        self.done.set()
        self.server.shutdown()
        self.server.server_close()


def handler_for(script: SmtpServer) -> type[socketserver.StreamRequestHandler]:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            script.connections += 1
            if not self.answer("CONNECT"):
                return
            for line in self.rfile:
                verb = line.decode()[:4].strip().upper()
                script.commands.append(line.decode().strip())
                if not self.answer(verb) or (verb == "DATA" and not self.take()) or verb == "QUIT":
                    return

        def answer(self, verb: str) -> bool:
            words = script.answers.get(verb, "500 what?")
            if words == SILENCE:
                script.done.wait(30)
            if words in (HANG_UP, SILENCE):
                return False
            self.wfile.write(words.encode() + b"\r\n")
            return True

        def take(self) -> bool:
            if not script.answers["DATA"].startswith("354"):
                return True
            lines = []
            for line in self.rfile:
                if line == b".\r\n":
                    break
                lines.append(line.decode())
            if script.answers["."].startswith("250"):
                script.messages.append("".join(lines))
                if lines and len(script.messages) <= script.held:
                    self.rfile.peek(1)  # type: ignore[attr-defined]
            return self.answer(".")

    return Handler


@contextmanager
def serving() -> Iterator[SmtpServer]:
    server = SmtpServer()
    try:
        yield server
    finally:
        server.stop()
