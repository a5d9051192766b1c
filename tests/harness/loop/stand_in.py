"""A server's stand-in, as a program: what the loop asks vLLM for, without a model. `python stand_in.py DIR OPTIONS-OF-VLLM`.

DIR/held is there while it holds a GPU's memory; it lets go of it when it sleeps or ends, unless DIR/leaks is there. DIR/requests has a line
for each request that changes something. `POST /die` ends it with a last word, and DIR/refuses makes it end before it answers anything.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType
from typing import Any

PLACE = Path(sys.argv[1])
OPTIONS = sys.argv[2:]


def option(name: str) -> str:
    return OPTIONS[OPTIONS.index(name) + 1]


def let_go() -> None:
    if not (PLACE / "leaks").exists():
        (PLACE / "held").unlink(missing_ok=True)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    base = option("--served-model-name")
    adapters: dict[str, str] = {}  # noqa: RUF012 - of the one server

    def do_GET(self) -> None:
        listed = [{"id": self.base, "object": "model"}]
        listed += [{"id": name, "object": "model", "parent": self.base} for name in self.adapters]
        self.answer(200, {"object": "list", "data": listed})

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or "{}")
        if "chat" not in self.path:
            with open(PLACE / "requests", "a", encoding="utf-8") as lines:
                lines.write(json.dumps([self.path, body]) + "\n")
        if self.path == "/v1/load_lora_adapter":
            if not (Path(body["lora_path"]) / "adapter_config.json").exists():
                self.answer(400, {"error": {"message": f"no adapter at {body['lora_path']}", "code": 400}})
                return
            self.adapters[body["lora_name"]] = body["lora_path"]
        elif self.path == "/v1/unload_lora_adapter":
            del self.adapters[body["lora_name"]]
        elif self.path.startswith("/sleep") and "--enable-sleep-mode" in OPTIONS:
            let_go()
        elif self.path == "/wake_up" and "--enable-sleep-mode" in OPTIONS:
            (PLACE / "held").touch()
        elif self.path == "/die":
            os.write(1, b"CUDA error: an illegal memory access was encountered\n")
            os._exit(1)
        elif self.path == "/v1/chat/completions":
            message = {"role": "assistant", "content": f"I am {body['model']}."}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
            whole = {"id": "1", "object": "chat.completion", "created": 0, "model": body["model"], "choices": [choice], "usage": usage}
            self.answer(200, whole)
            return
        else:
            self.answer(404, {"detail": "Not Found"})
            return
        self.answer(200, {})

    def answer(self, status: int, content: Any) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 - the base class's name


def stop(number: int, frame: FrameType | None) -> None:
    def later() -> None:
        time.sleep(0.2)
        let_go()
        os._exit(0)

    threading.Thread(target=later).start()


if __name__ == "__main__":
    if (PLACE / "refuses").exists():
        sys.exit("ValueError: Free memory on device is less than desired")
    signal.signal(signal.SIGTERM, stop)
    (PLACE / "held").touch()
    ThreadingHTTPServer(("127.0.0.1", int(option("--port"))), Handler).serve_forever()
