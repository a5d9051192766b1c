"""What can go wrong in a loop, one after the other in one: each stops it with one clear line, and mended it goes on from there.

With a real server (HARNESS_TEST_SERVERS, see tests/harness/test_real_servers.py), a real trainer and real boxes; the model is tiny and writes noise.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.small_suite import write_suite
from harness.cli import INTERRUPTED
from harness.loop.ledger import read_ledger
from harness.serving import marked

pytest.importorskip("torch")

TESTS = Path(__file__).parents[2]
ENVIRONMENT = Path(os.environ.get("HARNESS_TEST_SERVERS") or "/nonexistent").absolute()

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not ENVIRONMENT.exists(), reason="HARNESS_TEST_SERVERS names no environment with transformers"),
]

LOOP = """\
directory = "disk/loop"
rounds = 1
base = {{model = "model", recipe = "qwen3"}}
serve = {{engine = "transformers", environment = "{environment}", port = {port}}}
sample = {{suite = "suite", split = "train", mix = [{{attempts = 2, temperature = 1}}]}}
evaluate = {{suite = "suite", split = "{split}", attempts = 1, temperature = 0}}
rollouts = {{concurrency = 2, max_tokens = 16, limits = {{turns = 2}}}}
rows = {{least = {least}}}
training = {{config = "sft.toml", python = "python"}}
promotion = {{margin = 0.9}}
cold_start = {{kind = "oracle"}}
"""
TRAINING = """\
base = {{precision = "fp32"}}
adapters = {{rank = 4, alpha = 8}}
data = {{max_tokens = 16384}}
packing = {{tokens = 16384}}
optimizer = {{learning_rate = {rate}}}
length = {{epochs = 3}}
machine = {{device = "cpu", tensorboard = false}}
"""


class Faulty:
    """A loop with its files, and what a person would do with it."""

    def __init__(self, place: Path, port: int) -> None:
        self.place = place
        self.directory = place / "disk/loop"
        self._set = {"environment": ENVIRONMENT, "port": port, "split": "held-out", "least": 1, "rate": 0.01}
        write_suite(place / "suite", train=1, held_out=1, tasks=2)
        for name in ("model", "other"):
            (place / name).mkdir()
            subprocess.run(
                [ENVIRONMENT / "bin/python", TESTS / "servers/make_tiny_model.py", place / name], check=True, capture_output=True
            )
        weights = place / "other/model.safetensors"  # one number of it is another
        content = bytearray(weights.read_bytes())
        content[-3] ^= 1
        weights.write_bytes(content)
        # Where nobody may mount, exporting finds the end of what it may write instead of a disk's.
        limit = f'case "$*" in *"export merge"*) [ -e {place}/limited ] && ulimit -f 16;; esac'
        (place / "python").write_text(f'#!/bin/sh\n{limit}\nexec {sys.executable} "$@"\n', encoding="utf-8")
        (place / "python").chmod(0o755)
        self.change()

    def change(self, **changes: object) -> None:
        self._set |= changes
        (self.place / "loop.toml").write_text(LOOP.format(**self._set), encoding="utf-8")
        (self.place / "sft.toml").write_text(TRAINING.format(**self._set), encoding="utf-8")

    def start(self) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-m", "harness.cli", "loop", str(self.place / "loop.toml")]
        with open(self.place / "said", "wb") as said:
            return subprocess.Popen(words, stdout=said, stderr=said, cwd=TESTS.parent)

    def said(self) -> str:
        return (self.place / "said").read_text(encoding="utf-8")

    def says(self, loop: subprocess.Popen[bytes], words: str) -> None:
        """Wait until it says this."""
        while words not in self.said():
            assert loop.poll() is None, self.said()
            time.sleep(0.02)

    def stops(self, loop: subprocess.Popen[bytes] | None = None, code: int = 3) -> list[str]:
        """Run it until it stops: the error's lines."""
        assert (loop or self.start()).wait(600) == code, self.said()
        before, _, error = self.said().partition("error: ")
        assert "Traceback" not in before
        assert not marked(self.mark), "whatever stops it leaves nothing running"
        return error.splitlines()

    @property
    def mark(self) -> str:
        return f"loop-{hashlib.sha256(str(self.directory.resolve()).encode()).hexdigest()[:16]}"

    def done(self) -> list[str]:
        return [f"{entry.round} {entry.step}" for entry in read_ledger(self.directory)]

    def fill(self) -> None:
        """The disk, to its end; or the limit instead of it."""
        if not os.path.ismount(self.place / "disk"):
            (self.place / "limited").touch()
            return
        with pytest.raises(OSError, match="No space left"):
            shutil.copyfile("/dev/zero", self.place / "disk/ballast")

    def empty(self) -> None:
        (self.place / "limited").unlink(missing_ok=True)
        (self.place / "disk/ballast").unlink(missing_ok=True)


@pytest.fixture
def loop(tmp_path: Path, free_port: int) -> Iterator[Faulty]:
    """Its directory is on a disk of its own, where we may make one."""
    (tmp_path / "disk").mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=544m", "tmpfs", tmp_path / "disk"], capture_output=True, check=False)
    try:
        yield Faulty(tmp_path, free_port)
    finally:
        if mounted.returncode == 0:
            subprocess.run(["umount", tmp_path / "disk"], check=False)


def test_whatever_stops_a_loop_is_said_in_one_line_and_mended_it_goes_on(loop: Faulty) -> None:
    # What is held out overlaps with what is trained on
    loop.change(split="train")
    (line,) = loop.stops(code=2)
    assert "what is trained on cannot be held out" in line
    assert loop.done() == []

    # Training diverges
    loop.change(split="held-out", rate=1e35)
    first, *log = loop.stops()
    assert first.startswith("round 0, train: training: ")
    assert "loss" in first
    assert any(line.startswith("  log: ") and line.endswith("round-0/train.log") for line in log)
    assert any(line.startswith("  | ") for line in log)
    assert "to go on: harness loop" in log[-1]
    assert loop.done() == ["0 base", "0 demonstrations", "0 rows"]

    # The disk fills while exporting
    loop.change(rate=0.01)
    going = loop.start()
    loop.says(going, "round 0 of 1: export")
    loop.fill()
    first, *log = loop.stops(going)
    assert first.startswith("round 0, export: exporting the adapter: ")
    assert "is full" in first or "File too large" in first
    assert any(line.endswith("round-0/export.log") for line in log)
    assert not (loop.directory / "round-0/export").exists(), "there whole or not at all"
    assert loop.done()[3:] == ["0 train", "0 expect"]
    loop.empty()

    # The adapter is one of another base
    adapter = loop.directory / "round-0/train/adapter"
    shutil.copytree(adapter, loop.place / "kept")
    subprocess.run(
        [sys.executable, "-c", "import sys; from pathlib import Path; from training.origin import write_origin; write_origin(*map(Path, sys.argv[1:]))",
         adapter, loop.place / "other"],
        check=True, cwd=TESTS.parent,
    )  # fmt: skip
    first, *log = loop.stops()
    assert first.startswith("round 0, export: exporting the adapter: ")
    assert "the adapter is of another base (other, SHA-256" in first
    (adapter / "adapter_model.safetensors").write_bytes(b"of somebody else")
    first, *log = loop.stops()
    assert first.startswith(f"round 0, export: {adapter} is not the adapter that was trained: put that back")
    assert loop.done()[5:] == []
    shutil.rmtree(adapter)
    shutil.copytree(loop.place / "kept", adapter)

    # The server dies in sampling
    going = loop.start()
    loop.says(going, "round 1 of 1: sample")
    loop.says(going, "4 trials of 2 tasks")
    for pid in marked(f"{loop.mark}-server"):
        os.kill(pid, signal.SIGKILL)
    first, *log = loop.stops(going)
    assert first == "round 1, sample: the server ended with signal 9"
    assert any(line.endswith("loop/serve.log") for line in log)
    assert any(line.startswith("  | ") for line in log)
    assert loop.done()[5:] == ["0 export", "0 evaluation", "0 verdict", "1 choose"]

    # No trial passes; and the port is another's now, in the middle of a run
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        loop.change(port=taken.getsockname()[1])
        (line, *_) = loop.stops()
        assert line.endswith("is taken (address already in use): give another serve.port")
    first, *_ = loop.stops()
    assert first.startswith("round 1, rows: 0 trajectories of this round are left to learn from, at least 1 are wanted (taken out: ")
    assert loop.done()[9:] == ["1 sample"]

    # Of what was done with other settings only that is done again whose inputs have changed; then a person has seen enough
    loop.change(least=0)
    going = loop.start()
    loop.says(going, "round 1 of 1: train")
    going.send_signal(signal.SIGINT)
    assert going.wait(60) == INTERRUPTED, loop.said()
    assert "to go on: harness loop" in loop.said()
    assert not marked(loop.mark)
    assert loop.done()[10:] == ["0 rows", "1 rows"]
