"""A server on loopback, in threads of the test's own process. What it answers is what its subclass says."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: Message
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """What the server does with one request. With `drop` it hangs up in the middle of the body."""

    status: int = 200
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    drop: bool = False


def as_json(content: Any, status: int = 200) -> Reply:
    """As JSON."""
    return Reply(status, json.dumps(content))


class LoopbackServer:
    """Listens from its making to its closing; each request has a thread of its own."""

    def __init__(self) -> None:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                _send(self, owner.reply_to(Request(self.command, self.path, self.headers, body)))

            do_POST = do_GET  # noqa: N815 - the base class's name

            def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 - the base class's name

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self.url = f"{self.address}/v1"

    def reply_to(self, request: Request) -> Reply:
        raise NotImplementedError

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _send(request: BaseHTTPRequestHandler, reply: Reply) -> None:
    content = reply.body.encode()
    request.send_response(reply.status)
    request.send_header("Content-Length", str(len(content) + (1 if reply.drop else 0)))
    for name, value in {"Content-Type": "application/json", **reply.headers}.items():
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(content)
    if reply.drop:
        request.wfile.flush()
        request.connection.shutdown(socket.SHUT_RDWR)
        request.close_connection = True
