"""Fakes that the harness's tests share: a chat model that replays a script, a box in memory, a server that replays replies."""

from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from harness.chat import ChatAnswer, ChatError, ContextOverflow
from sandboxes.sandbox import MIB, ExecResult, Limits, Output, SandboxError, User
from tests.loopback import LoopbackServer, Reply, Request
from trajectories.trajectory import Message, ToolCall, Usage

Step = ChatAnswer | ContextOverflow | ChatError


class ScriptModel:
    """Answers with the steps in turn, the last one again and again; keeps what it was sent."""

    name = "script"
    reasoning_sent = False

    def __init__(self, *steps: Step) -> None:
        self.steps = steps
        self.sent: list[list[Message]] = []
        self.seeds: list[int | None] = []

    def sampling(self, seed: int | None) -> dict[str, Any]:
        return {"max_tokens": 16, "seed": seed}

    async def complete(
        self, messages: Sequence[Message], tools: Sequence[dict[str, Any]], *, seed: int | None = None
    ) -> ChatAnswer | ContextOverflow:
        step = self.steps[min(len(self.sent), len(self.steps) - 1)]
        self.sent.append(list(messages))
        self.seeds.append(seed)
        if isinstance(step, ChatError):
            raise step
        return step


def answer(
    *calls: tuple[str, Any], content: str = "", finish_reason: str = "tool_calls", usage: Usage | None = None, requests: int = 1
) -> ChatAnswer:
    """An answer with tool calls of (name, arguments); arguments that are no text are written as JSON."""
    made = tuple(
        ToolCall(id=f"call_{index}", name=name, arguments=arguments if isinstance(arguments, str) else json.dumps(arguments))
        for index, (name, arguments) in enumerate(calls)
    )
    message = Message(role="assistant", content=content, tool_calls=made)
    return ChatAnswer(message, finish_reason, usage or Usage(input_tokens=10, output_tokens=5), latency_seconds=0.5, requests=requests)


class MemoryBox:
    """A box whose files are a dict and whose every command ends well and says nothing. Closed, it fails as a real one does."""

    name = "memory"
    one_user = False

    def __init__(self, files: Mapping[str, bytes] | None = None) -> None:
        self.files = dict(files or {})
        self.commands: list[list[str]] = []
        self.closed = False

    async def exec(
        self,
        argv: Sequence[str],
        *,
        timeout_seconds: float,
        cwd: str = "",
        env: Mapping[str, str] | None = None,
        user: User = "agent",
        stdin: bytes = b"",
        output_limit_bytes: int = 0,
        report_limit_bytes: int = 0,
    ) -> ExecResult:
        self._must_be_open()
        self.commands.append(list(argv))
        return ExecResult(0, None, timed_out=False, out_of_memory=False, duration_seconds=0.0, stdout=Output(b""))

    async def read(self, path: str, *, limit_bytes: int = 8 * MIB, user: User = "agent") -> bytes:
        self._must_be_open()
        if path not in self.files:
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return self.files[path]

    async def write(self, path: str, content: bytes, *, user: User = "agent", executable: bool = False) -> None:
        self._must_be_open()
        self.files[path] = content

    async def lay(self, snapshot: bytes, *, user: User = "agent") -> None:
        self._must_be_open()

    async def diff(self, *, limit_bytes: int = 8 * MIB) -> bytes:
        self._must_be_open()
        return b""

    async def close(self) -> None:
        self.closed = True

    def _must_be_open(self) -> None:
        if self.closed:
            raise SandboxError("the box is closed")


@dataclass
class MemoryEngine:
    """Opens boxes in memory; fails at the openings (counted from 0) that `fails` names."""

    fails: Callable[[int], bool] = lambda number: False
    name: str = "memory"
    image: str = "sha256:memory"
    opened: list[MemoryBox] = field(default_factory=list)
    openings: int = 0

    async def start(self) -> None: ...

    async def open(self, limits: Limits) -> MemoryBox:
        self.openings += 1
        if self.fails(self.openings - 1):
            raise SandboxError("no more boxes")
        self.opened.append(MemoryBox())
        return self.opened[-1]

    async def sweep(self) -> list[str]:
        return []

    def shortfalls(self) -> list[str]:
        return ["it runs nothing"]

    async def close(self) -> None: ...

    @asynccontextmanager
    async def sandbox(self) -> AsyncIterator[MemoryBox]:
        box = await self.open(Limits())
        try:
            yield box
        finally:
            await box.close()


class ScriptServer(LoopbackServer):
    """An HTTP server on loopback that answers POST and GET each from its own replies, the last one again and again."""

    def __init__(self) -> None:
        self.posts: list[Reply] = []
        self.gets: list[Reply] = []
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.together = threading.Barrier(1)
        """As many requests as it counts are read before the first is answered."""
        self._lock = threading.Lock()
        self._got = 0
        super().__init__()

    def reply_to(self, request: Request) -> Reply:
        with self._lock:
            self.keys.append(request.headers.get("Authorization"))
            if request.method == "GET":
                self._got += 1
                return self.gets[min(self._got, len(self.gets)) - 1] if self.gets else Reply(404, '{"detail":"Not Found"}')
            self.bodies.append(request.json())
            reply = self.posts[min(len(self.bodies), len(self.posts)) - 1]
        self.together.wait(timeout=10)
        return reply
