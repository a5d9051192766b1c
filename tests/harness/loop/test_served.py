"""A server in turns with training: started, loaded, put to sleep, seen to have let go, and missed when it dies. With a stand-in as its own process."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.loop import served as module
from harness.loop.config import LoopConfig
from harness.loop.errors import LoopStoppedError
from harness.loop.served import Served, serving
from harness.serving import marked
from tests.harness.loop.files import loop_config

STAND_IN = Path(__file__).with_name("stand_in.py")


def program(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """With an environment whose python is the stand-in, and an adapter."""
    # Called as `python -m vllm.entrypoints.openai.api_server OPTIONS`.
    program(tmp_path / "venv/bin/python", f'#!/bin/sh\nshift 2\nexec {sys.executable} {STAND_IN} {tmp_path} "$@"\n')
    adapter = tmp_path / "export"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text('{"r": 4, "target_modules": ["q_proj"]}', encoding="utf-8")
    (adapter / "adapter_model.safetensors").write_bytes(b"weights")
    return tmp_path


def config_of(place: Path, port: int, **changes: Any) -> LoopConfig:
    server = {"engine": "vllm", "port": port, "environment": "venv", "ready_seconds": 60.0}
    config = loop_config(place, serve=server, **changes)
    config.directory.mkdir(exist_ok=True)
    return config


@asynccontextmanager
async def started(config: LoopConfig) -> AsyncIterator[tuple[Served, list[str]]]:
    said: list[str] = []
    mark = f"test-of-serving-{os.getpid()}-{config.directory}"
    async with serving(config, config.directory, mark, said.append) as found:
        yield found, said
    assert not marked(mark), "nothing is left of it"


def requests(place: Path) -> list[tuple[str, dict[str, Any]]]:
    file = place / "requests"
    return [tuple(json.loads(line)) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []


def served_by(port: int) -> list[str]:
    return [entry["id"] for entry in httpx.get(f"http://127.0.0.1:{port}/v1/models").json()["data"]]


async def test_the_base_and_adapters_are_served_by_one_server(place: Path, free_port: int) -> None:
    config = config_of(place, free_port)
    async with started(config) as (served, said):
        assert not served.merged
        base = await served.use(None, "base")
        assert (base.base_url, base.recipe) == (f"http://127.0.0.1:{free_port}/v1", "qwen3")
        first = await served.use(place / "export", "round-1")
        assert first.name.startswith("round-1-")
        assert served_by(free_port) == [base.name, first.name]
        assert (await served.use(place / "export", "round-1")).name == first.name
        assert len(requests(place)) == 1, "what is loaded is not loaded again"
        (place / "export/adapter_model.safetensors").write_bytes(b"other weights")
        second = await served.use(place / "export", "round-1")
        assert second.name != first.name, "other weights have another name, so that no server answers from what it kept"
        assert await served.use(None, "base") == base
        assert len(said) == 1, "started once"
        loaded = Path(requests(place)[0][1]["lora_path"])
        assert loaded.parent == config.directory / "adapters"
        assert (loaded / "adapter_model.safetensors").read_bytes() == b"weights"
    with pytest.raises(httpx.TransportError):
        served_by(free_port)


async def test_stopped_for_training_and_started_again_it_has_the_adapter_again(place: Path, free_port: int) -> None:
    async with started(config_of(place, free_port)) as (served, said):
        await served.rest()  # nothing is there yet
        name = (await served.use(place / "export", "round-1")).name
        await served.rest()
        with pytest.raises(httpx.TransportError):
            served_by(free_port)
        await served.rest()
        assert (await served.use(place / "export", "round-1")).name == name
        assert name in served_by(free_port)
        assert len(said) == 2


async def test_asleep_it_is_woken_and_keeps_its_adapters(place: Path, free_port: int) -> None:
    config = config_of(place, free_port, serve__turns="sleep")
    async with started(config) as (served, said):
        await served.use(place / "export", "round-1")
        await served.rest()
        await served.rest()
        assert not (place / "held").exists()
        assert served_by(free_port), "asleep, and there"
        await served.use(place / "export", "round-1")
        assert (place / "held").exists()
        asked = [path for path, _ in requests(place)]
        assert asked == ["/v1/load_lora_adapter", "/sleep?level=1", "/wake_up"]
        assert len(said) == 1


async def test_one_that_died_asleep_is_started_again(place: Path, free_port: int) -> None:
    async with started(config_of(place, free_port, serve__turns="sleep")) as (served, said):
        await served.use(None, "base")
        await served.rest()
        with pytest.raises(httpx.TransportError):
            await asyncio.to_thread(httpx.post, f"http://127.0.0.1:{free_port}/die", json={})
        await asyncio.sleep(0.1)
        await served.rest()
        await served.use(None, "base")
        assert len(said) == 2


async def test_beside_training_it_stays_as_it_is(place: Path, free_port: int) -> None:
    async with started(config_of(place, free_port, serve__turns="together")) as (served, _):
        await served.use(None, "base")
        await served.rest()
        assert (place / "held").exists()
        assert served_by(free_port)


async def test_one_that_dies_at_work_ends_the_work_with_the_end_of_its_log(place: Path, free_port: int) -> None:
    cancelled = asyncio.Event()

    async def work() -> None:
        try:
            with pytest.raises(httpx.TransportError):
                await asyncio.to_thread(httpx.post, f"http://127.0.0.1:{free_port}/die", json={})
            await asyncio.sleep(60)
        finally:
            cancelled.set()

    async with started(config_of(place, free_port)) as (served, _):
        await served.use(None, "base")
        with pytest.raises(LoopStoppedError) as stopped:
            await served.watched(work())
        assert cancelled.is_set()
    lines = str(stopped.value).splitlines()
    assert lines[0] == "the server ended with exit code 1"
    assert any(line.startswith("  log: ") for line in lines)
    assert lines[-1] == "  | CUDA error: an illegal memory access was encountered"


async def test_an_error_that_its_death_has_caused_is_told_as_its_death(place: Path, free_port: int) -> None:
    async def work() -> None:
        await asyncio.to_thread(httpx.post, f"http://127.0.0.1:{free_port}/die", json={})  # raises: nobody answers

    async with started(config_of(place, free_port)) as (served, _):
        await served.use(None, "base")
        with pytest.raises(LoopStoppedError, match="the server ended with exit code 1"):
            await served.watched(work())


async def test_the_works_own_value_and_errors_come_through(place: Path, free_port: int) -> None:
    async def value() -> int:
        return 7

    async def error() -> int:
        raise KeyError("of the work")

    async with started(config_of(place, free_port)) as (served, _):
        await served.use(None, "base")
        assert await served.watched(value()) == 7
        with pytest.raises(KeyError, match="of the work"):
            await served.watched(error())
        doing = asyncio.ensure_future(served.watched(asyncio.sleep(60)))
        await asyncio.sleep(0.05)
        doing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await doing


async def test_a_port_that_is_taken_is_said_before_anything_is_started(
    place: Path, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.loop.served._PORT_SECONDS", 0.2)
    with socket.socket() as other:
        other.bind(("127.0.0.1", free_port))
        other.listen()
        async with started(config_of(place, free_port)) as (served, said):
            with pytest.raises(LoopStoppedError, match=rf"^port {free_port} is taken \(address already in use\): give another serve.port$"):
                await served.use(None, "base")
            assert said == []


async def test_one_that_does_not_start_is_told_with_its_log(place: Path, free_port: int) -> None:
    (place / "refuses").touch()
    async with started(config_of(place, free_port)) as (served, _):
        with pytest.raises(LoopStoppedError) as stopped:
            await served.use(None, "base")
        assert "the server ended with exit code 1" in str(stopped.value).splitlines()[0]
        assert "  | ValueError: Free memory on device is less than desired" in str(stopped.value)
        (place / "refuses").unlink()
        await served.use(None, "base")


async def test_an_environment_without_the_server_is_named(place: Path, free_port: int) -> None:
    (place / "venv/bin/python").unlink()
    async with started(config_of(place, free_port)) as (served, _):
        with pytest.raises(LoopStoppedError, match=r"venv/bin/python cannot be started \(No such file or directory\)"):
            await served.use(None, "base")


async def test_an_adapter_that_the_server_refuses_stops_the_loop(place: Path, free_port: int) -> None:
    async with started(config_of(place, free_port)) as (served, _):
        await served.use(place / "export", "round-1")
        (place / "export/adapter_model.safetensors").unlink()
        with pytest.raises(Exception, match="the adapter has no adapter_model"):
            await served.use(place / "export", "round-1")


# The memory of a GPU, by an nvidia-smi on PATH that sees what the stand-in holds


@pytest.fixture
def gpu(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    row = "NVIDIA H200, 143771, $free, 9.0, 580.95.05"
    script = f'#!/bin/sh\n[ -e {place}/silent ] && exit 9\nfree=140000\n[ -e {place}/held ] && free=9000\necho "{row}"\n'
    program(place / "path/nvidia-smi", script)
    monkeypatch.setenv("PATH", f"{place / 'path'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(module, "_FREE_SECONDS", 1.5)
    return place


@pytest.mark.parametrize("turns", ["stop", "sleep"])
async def test_its_memory_is_seen_to_be_free(gpu: Path, free_port: int, turns: str) -> None:
    async with started(config_of(gpu, free_port, serve__turns=turns)) as (served, _):
        await served.use(None, "base")
        assert (gpu / "held").exists()
        await served.rest()
        assert not (gpu / "held").exists()


@pytest.mark.parametrize(("turns", "state"), [("stop", "stopped"), ("sleep", "asleep")])
async def test_memory_that_does_not_become_free_stops_the_loop(gpu: Path, free_port: int, turns: str, state: str) -> None:
    (gpu / "leaks").touch()
    async with started(config_of(gpu, free_port, serve__turns=turns)) as (served, _):
        await served.use(None, "base")
        with pytest.raises(
            LoopStoppedError, match=f"the server is {state}, and .* 9000 MiB of the GPU's memory are free, not the 140000 of before"
        ):
            await served.rest()


async def test_memory_that_becomes_free_late_is_waited_for(gpu: Path, free_port: int) -> None:
    (gpu / "leaks").touch()
    async with started(config_of(gpu, free_port)) as (served, _):
        await served.use(None, "base")

        async def later() -> None:
            await asyncio.sleep(0.7)
            (gpu / "held").unlink()

        began = time.monotonic()
        freed = asyncio.ensure_future(later())
        await served.rest()
        assert freed.done()
        assert time.monotonic() - began >= 0.7


async def test_a_driver_that_does_not_answer_is_no_proof(gpu: Path, free_port: int) -> None:
    async with started(config_of(gpu, free_port)) as (served, _):
        await served.use(None, "base")
        (gpu / "silent").touch()
        with pytest.raises(LoopStoppedError, match="an unknown number of MiB"):
            await served.rest()


# An endpoint that others run


async def test_an_endpoint_is_loaded_while_it_runs(place: Path, free_port: int) -> None:
    async with started(config_of(place, free_port)) as (here, _):
        base = await here.use(None, "base")
        there = loop_config(place / "there", serve={"base_url": base.base_url, "name": base.name})
        async with serving(there, there.directory, "unused", print) as served:
            assert (await served.use(None, "base")).name == base.name
            found = await served.use(place / "export", "round-2")
            await served.rest()
            assert served_by(free_port) == [base.name, found.name]
            assert await served.watched(asyncio.sleep(0, 5)) == 5


async def test_an_endpoints_command_is_told_the_adapter_and_its_name(place: Path) -> None:
    told = place / "told"
    command = ["sh", "-c", f'echo "$0 $1" > {told}; test -e $0/adapter_config.json', "{adapter}", "{name}"]
    config = loop_config(place, serve={"base_url": "http://localhost:1/v1", "name": "m", "command": command})
    async with serving(config, config.directory, "unused", print) as served:
        assert (await served.use(None, "base")).name == "m"
        assert not told.exists(), "the base is there without it"
        found = await served.use(place / "export", "round-3")
    adapter, name = told.read_text(encoding="utf-8").split()
    assert found.name == name
    assert name.startswith("round-3-")
    assert Path(adapter) == config.directory / "adapters" / name


async def test_an_endpoints_command_that_fails_stops_the_loop(place: Path) -> None:
    command = ["sh", "-c", "echo error: no quota >&2; exit 4"]
    config = loop_config(place, serve={"base_url": "http://localhost:1/v1", "name": "m", "command": command})
    async with serving(config, config.directory, "unused", print) as served:
        with pytest.raises(LoopStoppedError, match=r"^the command that serves an adapter: no quota"):
            await served.use(place / "export", "round-3")


async def test_an_endpoint_that_is_away_stops_the_loop(place: Path, free_port: int) -> None:
    config = loop_config(place, serve={"base_url": f"http://127.0.0.1:{free_port}/v1", "name": "m"})
    async with serving(config, config.directory, "unused", print) as served:
        with pytest.raises(LoopStoppedError, match=r"^the adapter is not served: "):
            await served.use(place / "export", "round-3")
