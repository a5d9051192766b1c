"""A server as a process: ready when a tool call went through, named when it fails, gone with its children when it is stopped.

The server is a program of a few lines that answers over HTTP. The real ones are in test_real_servers.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from pathlib import Path

import pytest

from harness.server_command import ServerCommand
from harness.serving import Server, ServingError, keep_serving, known_causes, port_taken, stopping

PROGRAM = """
import json, os, subprocess, sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
open(sys.argv[3], "a").write(f"{os.getpid()} {child.pid}\\n")
time.sleep(0.3)
class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        call = {"id": "c", "type": "function", "function": {"name": "add", "arguments": "{}"}}
        message = {"role": "assistant", "content": "no"}
        if sys.argv[2] == "calls" and body["messages"][-1]["role"] == "user":
            message = {"role": "assistant", "content": None, "tool_calls": [call]}
        if sys.argv[2] == "writes":
            message["content"] = '<tool_call>{"name": "add", "arguments": {"a": 2, "b": 3}}</tool_call>'
        answer = json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
    def log_message(self, *words): pass
print("listening", flush=True)
HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def server_of(tmp_path: Path, port: int, how: str = "calls", argv: tuple[str, ...] = ()) -> Server:
    tmp_path.mkdir(exist_ok=True)
    (tmp_path / "server.py").write_text(PROGRAM, encoding="utf-8")
    argv = argv or (sys.executable, str(tmp_path / "server.py"), str(port), how, str(tmp_path / "pids"))
    return Server(ServerCommand("vllm", argv, {}, f"http://127.0.0.1:{port}/v1", "tiny"), tmp_path / "log/server.log")


def pids(tmp_path: Path) -> list[list[int]]:
    return [[int(pid) for pid in line.split()] for line in (tmp_path / "pids").read_text(encoding="utf-8").splitlines()]


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").split()[2] != "Z"
    except OSError:
        return False


async def test_ready_is_when_a_tool_call_went_through_and_stopped_is_with_its_children(tmp_path, free_port):
    server = server_of(tmp_path, free_port)
    async with stopping(server):
        await server.start()
        assert await server.ready(20) == "parsed by the server"
        ((parent, child),) = pids(tmp_path)
        assert lives(parent)
        assert lives(child)
    assert not lives(parent)
    assert not lives(child)  # though it had a session of its own


async def test_a_server_that_answers_and_calls_no_tool_is_not_ready(tmp_path, free_port):
    server = server_of(tmp_path, free_port, "talks")
    async with stopping(server):
        await server.start()
        with pytest.raises(ServingError, match="no tool call went through") as caught:
            await server.ready(20)
    assert "| listening" in str(caught.value)


async def test_a_server_that_ends_is_told_at_once_with_its_last_words_and_the_cause(tmp_path, free_port):
    program = "import sys; print('starting'); print('torch.OutOfMemoryError: CUDA out of memory.'); sys.exit(3)"
    server = server_of(tmp_path, free_port, argv=(sys.executable, "-c", program))
    started = time.monotonic()
    async with stopping(server):
        await server.start()
        with pytest.raises(ServingError) as caught:
            await server.ready(60)
    assert time.monotonic() - started < 20
    said = str(caught.value)
    assert "exit code 3" in said
    assert "| starting" in said
    assert "likely: the memory does not hold the model" in said
    assert str(server.log) in said


async def test_a_server_that_is_not_there_in_time_is_told(tmp_path, free_port):
    server = server_of(tmp_path, free_port, argv=(sys.executable, "-c", "import time; time.sleep(60)"))
    async with stopping(server):
        await server.start()
        with pytest.raises(ServingError, match="not ready within"):
            await server.ready(0.6)


async def test_a_program_that_is_not_installed_is_told(tmp_path, free_port):
    with pytest.raises(ServingError, match="--environment"):
        await server_of(tmp_path, free_port, argv=("/nowhere/bin/python",)).start()


async def test_one_whose_port_another_holds_is_not_started_and_the_other_not_taken_for_it(tmp_path, free_port):
    with socket.socket() as other:
        other.bind(("127.0.0.1", free_port))
        other.listen()
        server = server_of(tmp_path, free_port)
        with pytest.raises(ServingError, match=rf"^nothing can be served at 127.0.0.1:{free_port} \(address already in use\)"):
            await keep_serving(server, ready_seconds=20, restart=True, on_ready=print)
        assert server.pid is None
        assert not server.log.exists()
    assert port_taken("127.0.0.1", free_port) is None
    assert "not known" in (port_taken("nowhere.invalid", free_port) or "")


async def test_one_that_dies_while_another_answers_for_it_is_not_ready(tmp_path, free_port):
    """Whatever came to listen there after ours was started."""
    server = server_of(tmp_path, free_port, argv=(sys.executable, "-c", "input()"))
    other = server_of(tmp_path / "other", free_port)
    async with stopping(server), stopping(other):
        await server.start()
        await server.ended()
        await other.start()
        await other.ready(20)
        with pytest.raises(ServingError, match="exit code 1"):
            await server.ready(20)


@pytest.mark.parametrize("restart", [True, False])
async def test_a_server_that_dies_is_started_again_if_that_was_asked_for(tmp_path, free_port, restart: bool):
    server = server_of(tmp_path, free_port)
    ready: list[str] = []
    serving = asyncio.create_task(keep_serving(server, ready_seconds=20, restart=restart, on_ready=ready.append))
    async with asyncio.timeout(40):
        while not ready:
            await asyncio.sleep(0.05)
        parent, child = pids(tmp_path)[0]
        os.kill(parent, 9)
        if restart:
            while len(ready) < 2:
                await asyncio.sleep(0.05)
            assert pids(tmp_path)[1][0] != parent
            serving.cancel()
            await asyncio.wait([serving])
        else:
            with pytest.raises(ServingError, match="signal 9"):
                await serving
    assert not lives(child)  # an orphan in a session of its own
    assert not any(lives(pid) for both in pids(tmp_path) for pid in both)


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ("ValueError: Please pass the argument `trust_remote_code=True`", "if you trust it"),
        ("RuntimeError: The NVIDIA driver on your system is too old (found version 12020).", "driver and CUDA"),
        ("mamba_ssm_cache_dtype must be float32", "--mamba-ssm-cache-dtype float32"),
        ("torch._inductor.exc.InductorError: CalledProcessError", "--enforce-eager"),
        ("RuntimeError: CUDA error: operation not permitted when stream is capturing", "--enforce-eager"),
        ("Exception: Failed to capture CUDA graph", "--enforce-eager"),
        ("To serve at least one request, ... KV cache is needed, which is larger than the maximum number of tokens that can be stored in KV cache", "--context"),
        ("[Errno 98] error while attempting to bind on address: address already in use", "--port"),
        ("ValueError: LoRA rank 64 is greater than max_lora_rank 16.", "--max-lora-rank"),
        ("api_server.py: error: unrecognized arguments: --zebra", "does not know one of its options"),
        ("No module named vllm", "--environment"),
    ],
)  # fmt: skip
def test_known_causes_are_named_with_what_to_do(log: str, words: str):
    assert any(words in cause for cause in known_causes(f"INFO start\n{log}\nINFO end"))


def test_a_log_without_a_known_cause_names_none():
    usual = "Enforce eager set, disabling torch.compile, CUDAGraphs. This is equivalent to setting -cc.mode=none -cc.cudagraph_mode=none"
    capturing = "Capturing CUDA graphs (mixed prefill-decode, PIECEWISE): 100%\nGraph capturing finished in 11 secs, took 0.6 GiB"
    told = "non-default args: {'mamba_ssm_cache_dtype': 'float32', 'enable_lora': True}\nInitializing a V1 LLM engine: trust_remote_code=False, dtype=torch.bfloat16"
    assert known_causes(f"INFO: Started server process\n{usual}\n{told}\n{capturing}\nINFO: Application startup complete.") == []
