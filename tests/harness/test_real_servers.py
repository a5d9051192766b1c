"""`harness eval` against a real server with a real, if tiny, model: whatever it writes, each rollout ends in a named outcome.

HARNESS_TEST_SERVERS names an environment made from tests/servers/requirements.txt; without it these tests are skipped.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

TESTS = Path(__file__).parents[1]
ENVIRONMENT = Path(os.environ.get("HARNESS_TEST_SERVERS") or "/nonexistent").absolute()

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not ENVIRONMENT.exists(), reason="HARNESS_TEST_SERVERS names no environment with transformers"),
]


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("tiny")
    subprocess.run([ENVIRONMENT / "bin/python", TESTS / "servers/make_tiny_model.py", directory], check=True, capture_output=True)
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
        assert record["sampling"]["seed"] == 1 + record["attempt"]
