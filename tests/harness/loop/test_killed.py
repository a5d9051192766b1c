"""A loop with a real server and real training, killed three times, against one that nobody disturbs: both ledgers say the same."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.small_suite import write_suite
from harness.loop.ledger import read_ledger
from harness.loop.loop import mark_of
from harness.serving import marked

ENVIRONMENT = Path(os.environ.get("HARNESS_TEST_SERVERS") or "/nonexistent").absolute()
MAKE_MODEL = Path(__file__).parents[2] / "servers" / "make_tiny_model.py"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not ENVIRONMENT.exists(), reason="HARNESS_TEST_SERVERS names no environment with transformers"),
]

TRAINING = """
[base]
precision = "fp32"
[adapters]
rank = 4
alpha = 8
[data]
max_tokens = 8192
[packing]
tokens = 8192
[optimizer]
learning_rate = 0.01
[length]
steps = 3
[checkpoints]
every_steps = 1
[machine]
device = "cpu"
tensorboard = false
"""

LOOP = """
directory = "{name}"
rounds = 2
[base]
model = "model"
recipe = "qwen3"
[serve]
engine = "transformers"
environment = "{environment}"
port = {port}
[sample]
suite = "suite"
split = "train"
mix = [{{attempts = 1, temperature = 0}}]
[evaluate]
suite = "suite"
split = "held-out"
attempts = 1
temperature = 0
[rollouts]
concurrency = 1
max_tokens = 12
limits = {{turns = 1}}
[rows]
least = 0
[training]
config = "sft.toml"
[cold_start]
kind = "oracle"
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A model, a suite, and two files of the same loop."""
    write_suite(tmp_path / "suite", train=1, held_out=1, tasks=2)
    (tmp_path / "sft.toml").write_text(TRAINING, encoding="utf-8")
    subprocess.run([ENVIRONMENT / "bin/python", MAKE_MODEL, tmp_path / "model"], check=True, capture_output=True)
    for name in ("undisturbed", "killed"):
        content = LOOP.format(name=name, environment=ENVIRONMENT, port=_free_port())
        (tmp_path / f"{name}.toml").write_text(content, encoding="utf-8")
    return tmp_path


async def test_a_loop_that_is_killed_three_times_comes_to_what_an_undisturbed_one_comes_to(place: Path):
    killed = place / "killed"
    whole, kills = await asyncio.gather(_whole(place, "undisturbed"), _killed(place, "killed"))
    assert whole == 0
    assert kills == ["sample", "train", "evaluation"]
    assert _told(killed) == _told(place / "undisturbed")
    assert len({(entry.round, entry.step) for entry in read_ledger(killed)}) == len(read_ledger(killed)) == 24
    for number in (0, 1, 2):
        adapters = [place / name / f"round-{number}/train/adapter/adapter_model.safetensors" for name in ("undisturbed", "killed")]
        assert adapters[0].read_bytes() == adapters[1].read_bytes()
        assert not list(killed.glob(f"round-{number}/.*.partial"))
    assert not (killed / "stale").exists()
    assert marked(mark_of(killed)) == set()


async def _whole(directory: Path, name: str) -> int:
    process = await _start(directory, name)
    code = await process.wait()
    assert code == 0, (directory / f"{name}.log").read_text(encoding="utf-8")
    return code


async def _killed(directory: Path, name: str) -> list[str]:
    """Which steps were broken off."""
    loop = directory / name
    moments: list[tuple[str, Callable[[], bool]]] = [
        ("sample", lambda: _there(loop, "round-1/sample/0/trials/*/0/trajectory.json")),
        ("train", lambda: _lines(loop / "round-1/train/metrics.jsonl") >= 2),
        ("evaluation", lambda: _there(loop, "round-2/evaluation/trials/*/0/trajectory.json")),
    ]
    broken = []
    for step, has_come in moments:
        process = await _start(directory, name)
        while not has_come():
            assert process.returncode is None, (directory / f"{name}.log").read_text(encoding="utf-8")
            await asyncio.sleep(0.01)
        process.send_signal(signal.SIGKILL)  # nothing of it can tidy up; its server and its training go on
        await process.wait()
        done = {(entry.round, entry.step) for entry in read_ledger(loop)}
        assert (2 if step == "evaluation" else 1, step) not in done
        broken.append(step)
    await _whole(directory, name)
    return broken


async def _start(directory: Path, name: str) -> asyncio.subprocess.Process:
    command = [sys.executable, "-m", "harness.cli", "loop", f"{name}.toml"]
    root = str(Path(__file__).parents[3])
    env = {**os.environ, "PYTHONPATH": root, "HF_HUB_OFFLINE": "1"}
    with open(directory / f"{name}.log", "ab") as log:  # noqa: ASYNC230 - once a start
        return await asyncio.create_subprocess_exec(*command, cwd=directory, stdout=log, stderr=log, env=env)


def _told(loop: Path) -> list[tuple[int, str, str, dict[str, Any]]]:
    return [(entry.round, entry.step, entry.words, entry.numbers) for entry in read_ledger(loop)]


def _there(loop: Path, pattern: str) -> bool:
    return next(loop.glob(pattern), None) is not None


def _lines(file: Path) -> int:
    with contextlib.suppress(OSError):
        return sum('"step"' in line and json.loads(line)["kind"] == "step" for line in file.read_text(encoding="utf-8").splitlines())
    return 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
