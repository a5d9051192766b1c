"""Against real servers with real, if tiny, models: `harness eval`, `doctor`, `serve` and `adapters`.

HARNESS_TEST_SERVERS names an environment made from tests/servers/requirements.txt, HARNESS_TEST_VLLM one with vLLM, on a CPU or a GPU
(tests/servers/vllm.md). Each test is skipped without its own.
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.run import SEEDS_A_TASK

TESTS = Path(__file__).parents[1]
HARNESS = [sys.executable, "-m", "harness.cli"]
VLLM = Path(os.environ.get("HARNESS_TEST_VLLM") or "/nonexistent").absolute()
ENVIRONMENT = Path(os.environ.get("HARNESS_TEST_SERVERS") or "/nonexistent").absolute()

PYTHON = next((place / "bin/python" for place in (ENVIRONMENT, VLLM) if place.exists()), None)
"""Of either, which makes the models: both have torch and transformers."""

pytestmark = pytest.mark.slow
needs_transformers = pytest.mark.skipif(not ENVIRONMENT.exists(), reason="HARNESS_TEST_SERVERS names no environment with transformers")
needs_vllm = pytest.mark.skipif(not VLLM.exists(), reason="HARNESS_TEST_VLLM names no environment with vLLM")


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("tiny")
    assert PYTHON is not None
    subprocess.run([PYTHON, TESTS / "servers/make_tiny_model.py", directory], check=True, capture_output=True)
    return directory


@pytest.fixture(scope="module")
def transformers_server(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path_factory.mktemp("log") / "server.log"
    command = [ENVIRONMENT / "bin/transformers", "serve", "--host", "127.0.0.1", "--port", str(port)]
    env = {**os.environ, "HF_HUB_OFFLINE": "1"}
    with open(log, "w", encoding="utf-8") as output, subprocess.Popen(command, stdout=output, stderr=output, env=env) as server:
        try:
            deadline = time.monotonic() + 120
            while True:
                try:
                    if httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200:
                        break
                except httpx.TransportError:
                    pass
                assert server.poll() is None, log.read_text(encoding="utf-8")
                assert time.monotonic() < deadline, log.read_text(encoding="utf-8")
                time.sleep(0.2)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.terminate()


@needs_transformers
def test_every_rollout_ends_in_a_named_outcome(transformers_server: str, tiny_model: Path, tmp_path: Path):
    words = ["eval", "--model", str(tiny_model), "--base-url", transformers_server, "--suite", str(TESTS / "mini"), "--attempts", "2"]
    limits = ["--max-tokens", "48", "--max-turns", "5", "--temperature", "1", "--seed", "1", "--output", "run", "--json"]
    done = subprocess.run([sys.executable, "-m", "harness.cli", *words, *limits], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    summary = json.loads(done.stdout)
    assert summary["total"]["scored"] == 6
    assert sum(summary["stop_reasons"].values()) == 6
    assert summary["usage"]["output_tokens"] > 0
    for trajectory in (tmp_path / "run").glob("trials/*/*/trajectory.json"):
        record = json.loads(trajectory.read_text(encoding="utf-8"))
        assert record["stop_reason"] in ("gave_up", "malformed_calls", "turn_limit", "repeating", "submitted")
        assert record["failure"] is None
        assert record["sampling"]["temperature"] == 1
        assert record["sampling"]["seed"] % SEEDS_A_TASK == 1 + record["attempt"]  # the rest is of the task


# A model that thinks and calls a tool


@pytest.fixture(scope="module")
def calling_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With an adapter of it in `adapter` beside it."""
    directory = tmp_path_factory.mktemp("calling")
    assert PYTHON is not None
    command = [PYTHON, TESTS / "servers/make_calling_model.py", directory / "model", "--adapter", directory / "adapter"]
    subprocess.run(command, check=True, capture_output=True)
    return directory / "model"


@contextmanager
def harness_serve(log: Path, *words: str) -> Iterator[str]:
    """`harness serve`, until it says that a tool call went through: the base URL. Then it is ended, after which nothing of it is left."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [*HARNESS, "serve", "--port", str(port), "--log", str(log), "--ready-seconds", "240", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as serving:
        assert serving.stdout is not None
        assert serving.stderr is not None
        try:
            line = serving.stdout.readline()
            assert "a tool call went through" in line, line + serving.stderr.read()
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            serving.send_signal(signal.SIGTERM)
            code = serving.wait(60)
        assert code == 130
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://127.0.0.1:{port}/health", timeout=5)


def harness(*words: str, cwd: Path, code: int = 0) -> str:
    done = subprocess.run([*HARNESS, *words], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def profile_of(url: str, model: str, cwd: Path) -> dict[str, Any]:
    """By the command, without the look at this machine's boxes."""
    program = (
        "import asyncio, json, sys; from harness.config import ModelSettings; from harness.probe import probe; "
        "s = ModelSettings(name=sys.argv[2], base_url=sys.argv[1], recipe='qwen3'); "
        "checks, profile = asyncio.run(probe(s, lambda line: None, at_once=2)); "
        "open('profile.toml', 'w').write(profile.to_toml()); print(profile.model_dump_json())"
    )
    done = subprocess.run([sys.executable, "-c", program, url, model], cwd=cwd, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


@needs_transformers
def test_transformers_is_served_examined_and_evaluated(calling_model: Path, tmp_path: Path):
    words = [str(calling_model), "--recipe", "qwen3", "--engine", "transformers", "--environment", str(ENVIRONMENT)]
    with harness_serve(tmp_path / "server.log", *words) as url:
        found = profile_of(url, str(calling_model), tmp_path)
        assert (found["tool_format"], found["tool_calls_seen"], found["streaming"]) == ("native", True, True)
        assert found["reasoning_field"] == "reasoning_content"
        assert (found["token_ids"], found["logprobs"], found["context_tokens"]) == (False, False, None)
        named = ["--model", str(calling_model), "--base-url", url, "--suite", str(TESTS / "mini"), "--tasks", "sums-single"]
        limits = ["--max-tokens", "48", "--max-turns", "2", "--profile", "profile.toml", "--recipe", "qwen3", "--output", "run", "--json"]
        harness("eval", *named, *limits, cwd=tmp_path)
        _parity_is_told(url, calling_model, None, (str(calling_model), 0, "is the base"), cwd=tmp_path)
    run = json.loads((tmp_path / "run/run.json").read_text(encoding="utf-8"))
    assert run["machine"]["cores"] >= 1
    assert (tmp_path / "run/profile.toml").exists()
    assert 'keep = "since_last_user"' in (tmp_path / "run/config.toml").read_text(encoding="utf-8")


@needs_vllm
def test_vllm_is_served_examined_and_takes_adapters_while_it_runs(calling_model: Path, tmp_path: Path):
    small = ["--", "--enforce-eager", "--kv-cache-memory-bytes", "134217728"]
    words = [str(calling_model), "--recipe", "qwen3", "--environment", str(VLLM), "--max-lora-rank", "16"]
    with harness_serve(tmp_path / "server.log", *words, *small) as url:
        found = profile_of(url, "model", tmp_path)
        assert (found["software"], found["tool_format"], found["tool_calls_seen"]) == ("vllm", "native", True)
        assert (found["reasoning_field"], found["reasoning_history"]) == ("reasoning", "heard")
        assert (found["token_ids"], found["logprobs"], found["continues_turn"]) == (True, True, True)
        assert (found["context_tokens"], found["budget_field"]) == (4096, "thinking_token_budget")
        said = harness("adapters", "load", f"mine={calling_model.parent / 'adapter'}", "--base-url", url, cwd=tmp_path)
        name = said.split()[0]
        assert "is active" in said
        assert f"{name} " in harness("adapters", "list", "--base-url", url, cwd=tmp_path)
        harness("adapters", "prove", "model", "--base-url", url, cwd=tmp_path, code=1)
        _parity_is_told(url, calling_model, calling_model.parent / "adapter", (name, 0, "is what was trained"), ("model", 1, "is not loaded"), cwd=tmp_path)  # fmt: skip
        harness("adapters", "unload", name, "--base-url", url, cwd=tmp_path)
        assert name not in harness("adapters", "list", "--base-url", url, cwd=tmp_path)
        _budgets_are_held(url)


def _parity_is_told(url: str, base: Path, adapter: Path | None, *wanted: tuple[str, int, str], cwd: Path) -> None:
    """Where the trainer is there to be compared with: by model, the exit code and what is said."""
    if not importlib.util.find_spec("peft"):
        return
    words = ["--base", str(base), *(["--adapter", str(adapter)] if adapter else []), "--recipe", "qwen3", "--output", "expected.json"]
    subprocess.run([sys.executable, "-m", "training.parity", *words], cwd=cwd, check=True, capture_output=True)
    for name, code, said in wanted:
        assert said in harness("adapters", "parity", name, "--expected", "expected.json", "--base-url", url, cwd=cwd, code=code).replace(
            "\n", " "
        )


def _budgets_are_held(url: str) -> None:
    """A thought of some sixty tokens, cut at twenty: here in two requests, and by the server."""
    program = (
        "import asyncio, sys; from harness.config import *; from harness.endpoint import OpenAIChatModel; from trajectories.trajectory import Message\n"
        "async def main():\n"
        "    for field in (None, 'thinking_token_budget'):\n"
        "        t = ThinkingSettings(budget_tokens=20, budget_field=field, field='reasoning')\n"
        "        s = ModelSettings(name='model', base_url=sys.argv[1], thinking=t, sampling=Sampling(temperature=0.0, max_tokens=200))\n"
        "        model = OpenAIChatModel(s)\n"
        "        a = await model.complete([Message(role='user', content='What is 17 times 23? Think about it first.')], [])\n"
        "        print(a.requests, a.usage.model_dump_json(), len(a.message.reasoning or ''), '</think>' in a.message.content)\n"
        "        await model.close()\n"
        "asyncio.run(main())"
    )
    done = subprocess.run([sys.executable, "-c", program, url], capture_output=True, text=True, check=True)
    here, there = (line.split(" ", 1) for line in done.stdout.splitlines())
    assert (here[0], there[0]) == ("2", "1")
    usage = json.loads(here[1].rsplit(" ", 2)[0])
    assert usage["reasoning_tokens"] == 20
    assert usage["repeated_input_tokens"] > usage["input_tokens"]
    for line in (here, there):
        assert 0 < int(line[1].rsplit(" ", 2)[1]) < 120
        assert line[1].endswith("False")
