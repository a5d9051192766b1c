"""An OpenAI-compatible server in a process of its own: every conversation gets the same 20 tool calls and a submit.

It measures, for each conversation, the gap between an answer sent and the next request received: what the harness costs a step.
`python benchmarks/scripted_server.py THINK_SECONDS` prints its address; `GET /gaps` answers with the gaps in seconds since the last time it was asked.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

STEPS = 20
COMMAND = "cat src/sum.ts"
THINK_SECONDS = float(sys.argv[1]) if __name__ == "__main__" and len(sys.argv) > 1 else 0.0

_lock = threading.Lock()
_answered: dict[int, float] = {}
_gaps: list[float] = []
_numbers = count()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65536

    def do_GET(self) -> None:
        global _gaps
        with _lock:
            gaps, _gaps = _gaps, []
        self._answer({"gaps": gaps} if self.path == "/gaps" else {"data": [{"id": "scripted"}]})

    def do_POST(self) -> None:
        received = time.monotonic()
        messages = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["messages"]
        calls = [call["id"] for message in messages if message["role"] == "assistant" for call in message["tool_calls"]]
        number = int(calls[0].split("-")[1]) if calls else next(_numbers)
        with _lock:
            if calls and number in _answered:
                _gaps.append(received - _answered.pop(number))
        time.sleep(THINK_SECONDS)
        step = len(calls)
        name, arguments = ("bash", {"command": COMMAND + " " * step}) if step < STEPS else ("submit", {})
        call = {"id": f"call-{number}-{step}", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
        message = {"role": "assistant", "content": "", "tool_calls": [call]}
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
        self._answer({"choices": [choice], "usage": {"prompt_tokens": 1000, "completion_tokens": 30}})
        with _lock:
            _answered[number] = time.monotonic()

    def _answer(self, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.socket.listen(1024)
    sys.stdout.write(f"http://127.0.0.1:{server.server_port}/v1\n")
    sys.stdout.flush()
    server.serve_forever()
