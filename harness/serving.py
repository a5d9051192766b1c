"""A model's server as a process of ours: started, known to be ready, watched, started again, and stopped with all its children.

Ready means that a tool call went through it, not that a port is open.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shlex
import signal
import socket
import time
import tomllib
import uuid
from collections.abc import AsyncIterator, Callable
from functools import cache
from pathlib import Path
from typing import Final

import httpx

from harness.chat import ChatAnswer, ChatError
from harness.config import ConfigError, ModelSettings, Sampling
from harness.endpoint import OpenAIChatModel
from harness.probe import ASK_FOR_A_CALL, TOOL
from harness.server_command import ServerCommand
from training.recipe import Recipe
from trajectories.trajectory import Message

LAST_LINES: Final = 25
MARK: Final = "HARNESS_SERVER"
"""In the environment of whatever is started, also of those whose parent is dead: by its value they are found."""
_LOOK_SECONDS: Final = 0.5
_GRACE_SECONDS: Final = 20.0
_CALLS_ASKED_FOR: Final = 3
_REFUSALS: Final = 3
"""Some servers answer with an error what a model wrote wrong: one is no proof."""
_RESTARTS: Final = 5
"""In a row, each within ten minutes of being ready: then the server is given up."""
_STEADY_SECONDS: Final = 600.0
_PORT_SECONDS: Final = 10.0
"""What is being ended with all its threads holds its port a little longer than it seems to live."""


class ServingError(ConfigError):
    """The server does not serve. Its message has the last lines of the log and the causes that are known."""


class Server:
    """A process with a log. `command` tells how it is started and where it answers."""

    def __init__(
        self,
        command: ServerCommand,
        log: Path,
        *,
        recipe: Recipe | None = None,
        say: Callable[[str], None] = lambda line: None,
        mark: str | None = None,
    ) -> None:
        """`mark` is what its processes are known by; None: one that nobody else has."""
        self.command = command
        self.log = log
        self._recipe = recipe
        self.say = say
        self._process: asyncio.subprocess.Process | None = None
        self._offset = 0
        self._mark = mark or uuid.uuid4().hex

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    @property
    def lives(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self, *, port_seconds: float = 0.0) -> None:
        """Only the start: `ready` waits. ServingError when the program is not there, or another one listens where it would: that one would be
        taken for it. `port_seconds`: how long the port may still be held by what was ended before."""
        await self._must_have_its_port(port_seconds)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        for name, content in self.command.files.items():
            (self.log.parent / name).write_text(content, encoding="utf-8")
        argv = self.command.argv_at(self.log.parent)
        with open(self.log, "ab") as log:  # noqa: ASYNC230 - the server's own, once a start
            log.write(f"$ {shlex.join(argv)}\n".encode())
            log.flush()
            self._offset = log.tell()
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *argv,
                    env={**os.environ, **self.command.env, MARK: self._mark},
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            except OSError as error:
                raise ServingError(
                    f"{argv[0]} cannot be started ({error.strerror}): give --environment DIR, one with {self.command.engine} in it"
                ) from error

    async def ready(self, seconds: float, *, needs_call: bool = True) -> str:
        """Wait until a tool call goes through; how it was made. ServingError when the server ends, or does not get there in time.

        Without `needs_call` it is enough that the model answers: one that is yet to be trained may know no tools.
        """
        last: list[ChatError] = []
        try:
            async with asyncio.timeout(seconds):
                return await self._until_called(last, needed=needs_call)
        except TimeoutError:
            word = f"; its last word: {last[-1]}" if last else ""
            raise ServingError(self._told(f"the server was not ready within {seconds:.0f} s{word}")) from None

    async def _until_called(self, failures: list[ChatError], *, needed: bool) -> str:
        refusals = 0
        model = OpenAIChatModel(self._settings())
        try:
            while True:
                self._must_live()
                try:
                    how = await self._call(model, needed=needed)
                    self._must_live()  # else it was another that answered
                    return how
                except ChatError as error:
                    failures.append(error)
                    refusals += not error.is_down and error.kind != "not_found"
                    if refusals >= _REFUSALS:
                        raise ServingError(self._told(f"the server answers, and refuses a tool call: {error}")) from error
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            await model.close()

    async def ended(self) -> int:
        """Wait for its end, whatever ends it: the exit code."""
        assert self._process is not None
        return await self._process.wait()

    def why_it_ended(self, code: int) -> str:
        return self._told(f"the server ended with {f'signal {-code}' if code < 0 else f'exit code {code}'}")

    async def stop(self) -> None:
        """The process, and whatever was started by it, in whatever session."""
        process = self._process
        if process is None:
            return
        self._process = None
        family = marked(self._mark)
        for number, seconds in ((signal.SIGTERM, _GRACE_SECONDS), (signal.SIGKILL, 5.0)):
            family |= marked(self._mark)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            for pid in family:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline and (process.returncode is None or any(map(lives_still, family))):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.05)
            if process.returncode is not None and not any(map(lives_still, family)):
                break

    def last_lines(self, number: int = LAST_LINES) -> list[str]:
        """Of the log since the last start."""
        with open(self.log, "rb") as log:
            log.seek(max(self._offset, log.seek(0, os.SEEK_END) - 256 * 1024))
            return log.read().decode("utf-8", "replace").splitlines()[-number:]

    def _settings(self) -> ModelSettings:
        thinking_off = (
            {self._recipe.thinking.switch: False} if self._recipe and self._recipe.thinking and self._recipe.thinking.switch else {}
        )
        kwargs = thinking_off if self.command.engine != "tensorrt-llm" else {}
        sampling = Sampling(temperature=0.0, max_tokens=1024, chat_template_kwargs=kwargs)
        rescue = self._recipe.serve.tool_format if self._recipe is not None else None
        settings = {"name": self.command.served_name, "base_url": self.command.base_url, "retry_seconds": 0.0, "sampling": sampling}
        return ModelSettings.model_validate({**settings, "rescue_format": rescue, "request_timeout_seconds": 300.0})

    async def _call(self, model: OpenAIChatModel, *, needed: bool) -> str:
        """One tool call and its result, there and back."""
        asked = [Message(role="system", content="You use tools."), Message(role="user", content=ASK_FOR_A_CALL)]
        content = ""
        for number in range(_CALLS_ASKED_FOR):
            answer = await model.complete(asked[-1:] if number == 0 else asked, [TOOL], seed=number)
            if not isinstance(answer, ChatAnswer):
                raise ServingError(self._told(f"a tool call does not fit the context: {answer.message}"))
            calls = answer.message.tool_calls
            if calls and calls[0].name == "add":
                result = Message(role="tool", tool_call_id=calls[0].id, content="5")
                both = [*asked[-1:], answer.message, *(result.model_copy(update={"tool_call_id": call.id}) for call in calls)]
                await model.complete(both, [TOOL])
                return (
                    "parsed by the server"
                    if answer.received is None or "tool_calls" in answer.received
                    else "read here: the server has no parser for it"
                )
            content = answer.message.content
        if not needed:
            return "the model made none"
        said = " ".join(content.split())[:200]
        raise ServingError(self._told(f"the server answers, but no tool call went through; the model said: {said!r}"))

    async def _must_have_its_port(self, seconds: float) -> None:
        port = httpx.URL(self.command.base_url).port or 80
        deadline = time.monotonic() + seconds
        while (reason := port_taken(self.command.host, port)) is not None:
            if time.monotonic() >= deadline:
                raise ServingError(f"nothing can be served at {self.command.host}:{port} ({reason}): give another port")
            await asyncio.sleep(0.1)

    def _must_live(self) -> None:
        assert self._process is not None
        if self._process.returncode is not None:
            raise ServingError(self.why_it_ended(self._process.returncode))

    def _told(self, words: str) -> str:
        lines = self.last_lines()
        causes = known_causes("\n".join(self.last_lines(400)))
        because = "".join(f"\n  likely: {cause}" for cause in causes[:2])
        return f"{words}{because}\n  log: {self.log}" + "".join(f"\n  | {line[:300]}" for line in lines)


async def keep_serving(server: Server, *, ready_seconds: float, restart: bool, on_ready: Callable[[str], None]) -> None:
    """Serve until cancelled. ServingError when the server ends and is not to be started again, or ends too often."""
    restarts = 0
    async with stopping(server):
        while True:
            await server.start(port_seconds=_PORT_SECONDS if restarts else 0.0)
            on_ready(await server.ready(ready_seconds))
            since = time.monotonic()
            code = await server.ended()
            restarts = 1 if time.monotonic() - since > _STEADY_SECONDS else restarts + 1
            why = server.why_it_ended(code)
            await server.stop()  # its children may have outlived it
            if not restart or restarts > _RESTARTS:
                raise ServingError(why)
            server.say(f"{why.splitlines()[0]}: started again ({restarts})")
            await asyncio.sleep(min(2.0**restarts, 30.0))


@contextlib.asynccontextmanager
async def stopping(server: Server) -> AsyncIterator[Server]:
    """Whatever happens inside, the server is stopped at the end."""
    try:
        yield server
    finally:
        await asyncio.shield(server.stop())


def port_taken(host: str, port: int) -> str | None:
    """Why nothing can listen there now; None: something can."""
    try:
        family, kind, number, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, number) as place:
            place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: what only lingers of a connection is no listener
            place.bind(address)
    except OSError as error:
        return (error.strerror or str(error)).lower()
    return None


def known_causes(log: str) -> list[str]:
    """What the words of a log are known to mean, with what to do."""
    return [words for pattern, words in _causes() if pattern.search(log)]


@cache
def _causes() -> list[tuple[re.Pattern[str], str]]:
    listed = tomllib.loads((Path(__file__).parent / "causes.toml").read_text(encoding="utf-8"))["cause"]
    return [(re.compile(cause["pattern"], re.IGNORECASE), cause["words"]) for cause in listed]


def marked(mark: str) -> set[int]:
    """Numbers of the processes that have the mark in their environment."""
    wanted = f"{MARK}={mark}".encode()
    found = set()
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            with contextlib.suppress(OSError):
                if wanted in (place / "environ").read_bytes():
                    found.add(int(place.name))
    return found


def lives_still(pid: int) -> bool:
    """Whether it holds anything: one that is being ended has no environment any more, and yet its files and ports."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state not in ("Z", "X")
