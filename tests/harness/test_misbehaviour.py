"""Whatever a server does, what is asked of it besides rollouts ends in a value or in one line that names what is wrong: none hangs, none ends in
a traceback. `test_adversary` shows the same of rollouts.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from harness.adapters import AdapterApi
from harness.config import ConfigError, ModelSettings
from harness.discovery import discover
from harness.server_command import ServerCommand
from harness.serving import Server, stopping
from tests.harness.adversary import CASES, ONCE, Adversary

DONE = "done"
Operation = Callable[[str, float], Coroutine[Any, Any, object]]

OPERATIONS: dict[str, Operation] = {
    "discover": lambda url, seconds: discover(ModelSettings(name="x", base_url=url, request_timeout_seconds=seconds)),
    "list": lambda url, seconds: AdapterApi(url, seconds=seconds).names(),
    "load": lambda url, seconds: AdapterApi(url, seconds=seconds).load("mine", Path("/mine")),
    "unload": lambda url, seconds: AdapterApi(url, seconds=seconds).unload("mine"),
    "prove": lambda url, seconds: AdapterApi(url, seconds=seconds).prove("x", "y", ["Hi"]),
}
_BROKEN = r"did not answer within|disconnected|closed connection|illegal|too long"
_NO_HTTP_ANSWER = r"the answer is (longer|packed)|Exceeded maximum allowed redirects"
_NO_LIST = r"is not an OpenAI-compatible server"
LISTED = {  # what a GET that ought to be a list of models comes to; a good completion is none either
    "answered": rf"^{DONE}$|{_NO_LIST}",
    "connection": _BROKEN,
    "protocol": rf"{_NO_HTTP_ANSWER}|{_NO_LIST}",
    "authentication": "refuses the key",
} | dict.fromkeys(("overflow", "rate_limit", "quota", "server", "bad_request", "not_found"), "lists no models: ")  # fmt: skip
ANSWERED = {
    "answered": rf"^{DONE}$",
    "connection": _BROKEN,
    "protocol": rf"{_NO_HTTP_ANSWER}|not a chat completion|307: ",
    "authentication": "401: Unauthorized",
    "overflow": "maximum context length|max_tokens must be",
    "rate_limit": "429: slow down",
    "quota": "429: You exceeded|: pay$",
    "server": "500: ",
    "bad_request": "4[0-9][0-9]: ",
    "not_found": "404: The model",
}


async def outcome(work: Coroutine[Any, Any, object]) -> str:
    try:
        await work
    except ConfigError as error:
        said = str(error)
        assert said.isprintable(), said
        assert 0 < len(said) < 1000
        return said
    return DONE


@pytest.mark.parametrize("name", CASES)
async def test_every_misbehaviour_ends_in_its_outcome(name: str) -> None:
    case = CASES[name]
    seconds = 0.5 if case.outcome == "connection" else 30.0

    async def done(operation: str) -> tuple[str, str]:
        async with Adversary(case.behave) as adversary:
            told = await outcome(OPERATIONS[operation](adversary.url, seconds))
            return operation, await outcome(OPERATIONS[operation](adversary.url, seconds)) if name in ONCE else told

    operations = ["list", "prove"] if name in ("endless_whitespace", "a_huge_body") else list(OPERATIONS)
    async with asyncio.timeout(60):
        told = dict(await asyncio.gather(*map(done, operations)))
    assert re.search(LISTED[case.outcome], told["list"]), told
    assert re.search(ANSWERED[case.outcome], told["prove"]), told
    if "load" not in told:
        return
    # A server without a list is asked for one token; one that says that this is too much is there.
    fine = told["list"] == DONE or (told["list"].startswith("http") and "lists no models" in told["list"] and case.outcome == "overflow")
    assert (told["discover"] == DONE) == fine, told
    assert told["load"] != DONE, "it is listed nowhere"
    assert (told["unload"] == DONE) == (told["list"] == DONE), told


READY = {
    "answered": "^the model made none$",
    "connection": "was not ready within",
    "not_found": "was not ready within",
    "overflow": "does not fit the context",
    "server": "refuses a tool call|was not ready within",
} | dict.fromkeys(("protocol", "rate_limit", "quota", "authentication", "bad_request"), "refuses a tool call: ")


async def test_a_server_that_misbehaves_from_the_start_is_ready_or_told(
    tmp_path: Path, unused_tcp_port_factory: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All at once: most of it is waiting."""
    monkeypatch.setattr("harness.serving._LOOK_SECONDS", 0.02)

    async def told(name: str) -> str:
        case = CASES[name]
        port = unused_tcp_port_factory()
        command = ServerCommand("vllm", ("sleep", "600"), {}, f"http://127.0.0.1:{port}/v1", "x")
        async with stopping(Server(command, tmp_path / f"{name}.log")) as server:
            await server.start()
            async with Adversary(case.behave, port):
                try:
                    waits = case.outcome in ("connection", "not_found") or name == "an_engine_that_died"
                    return await server.ready(2.0 if waits else 60.0, needs_call=False)
                except ConfigError as error:
                    return str(error).splitlines()[0]

    async with asyncio.timeout(120):
        said = dict(zip(CASES, await asyncio.gather(*map(told, CASES)), strict=True))
    wrong = {name: words for name, words in said.items() if not re.search(READY[CASES[name].outcome], words) or not words.isprintable()}
    assert wrong == {}
