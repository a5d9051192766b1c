"""A disk that becomes full under a run, or under the boxes: named, with what was done kept, and a restart that goes on."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.agent import ToolAgent
from harness.cli import OK, STOPPED
from harness.config import RunConfig
from harness.run import RunStoppedError, run
from sandboxes.bubblewrap import BubblewrapEngine
from sandboxes.images.recipe import load_recipe
from sandboxes.sandbox import SandboxError
from tests.disks import fill, small_disk
from tests.harness.answering import AnsweringServer, completion
from tests.harness.fakes import MemoryEngine, ScriptModel, answer
from tests.loopback import Reply
from trajectories.store import Result, RunStore, read_results, read_trajectory

MINI = str(Path(__file__).parents[1] / "mini")
LONG = "These are many words. " * 20_000
"""No file has as much room left in its last block."""


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """As large as a run asks for, and a little more."""
    with small_disk(tmp_path_factory.mktemp("disk"), 340) as place:
        yield place


@pytest.fixture(autouse=True)
def free_again(disk: Path) -> Iterator[None]:
    yield
    (disk / "ballast").unlink(missing_ok=True)


class FillingModel(ScriptModel):
    """Of two rollouts at once, one is answered at length when the disk is full; the other is only answered when that one has ended."""

    def __init__(self, disk: Path) -> None:
        super().__init__(answer(("bash", {"command": "ls"})), answer(("submit", {})))
        self.disk = disk
        self.begun = asyncio.Event()
        self.ended = asyncio.Event()

    async def complete(self, messages, tools, *, seed=None):
        if "one number" in messages[1].content:
            if len(messages) > 2:
                await self.begun.wait()
                fill(self.disk)
                return answer(("bash", {"command": "ls"}), content=LONG)
            return self.steps[0]
        self.begun.set()
        await self.ended.wait()
        return self.steps[1]


async def test_the_rollout_that_meets_it_fails_by_name_and_the_other_ends_as_ever(mini, disk: Path):
    suite = mini.select(["sums-single", "words-spaces"])
    config = RunConfig.model_validate({"suite": "mini", "model": {"name": "script"}, "attempts": 2, "concurrency": 2})
    engine = MemoryEngine()
    model = FillingModel(disk)
    reported: list[Result] = []

    def report(result: Result) -> None:
        reported.append(result)
        model.ended.set()

    with RunStore(disk / "memory") as store:
        store.write("config.toml", config.to_toml())
        with pytest.raises(RunStoppedError, match=r"no space left on the disk; free some") as stopped:
            await run(config, suite, store, engine, ToolAgent(model, config.limits), report)
    assert "\n" not in str(stopped.value)
    failed, whole = reported
    assert failed.failure is not None
    assert (failed.instance_id, failed.attempt, failed.failure.kind, failed.failure.during) == ("sums-single", 0, "disk", "agent")
    assert (whole.instance_id, whole.attempt, whole.failure, whole.verdict) == ("words-spaces", 0, None, "no_patch")
    assert [result.instance_id for result in read_results(disk / "memory")] == ["sums-single", "words-spaces"], "no other was begun"
    kept = read_trajectory(disk / "memory/trials/sums-single/0")
    assert [message.role for message in kept.messages] == ["system", "user", "assistant", "tool", "assistant", "tool"]
    assert kept.messages[4].content == LONG
    assert len(kept.turns) == 2
    assert all(box.closed for box in engine.opened)


class FillingServer:
    """Plays a run's server: one task's rollout makes a file, and is answered at length when the disk is full; the other submits when
    that has ended."""

    def __init__(self, disk: Path, run: Path) -> None:
        self.disk = disk
        self.run = run
        self.fills = True
        self.freed = threading.Event()

    def answer(self, body: dict) -> Reply:
        messages = body["messages"]
        if "one number" not in json.dumps(messages[1]) and self.fills:
            while not (self.run / "trials/sums-single/0/trajectory.json").exists():
                self.freed.wait(0.02)
        elif self.fills and len(messages) == 2:
            return self.call("bash", command="echo 'export const made = 1;' > made.ts")
        elif self.fills:
            fill(self.disk)
            return self.call("bash", LONG, command="ls")
        return self.call("submit")

    @staticmethod
    def call(name: str, content: str = "", **arguments: str) -> Reply:
        made = {"id": "call_1", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
        return completion({"content": content, "tool_calls": [made]})


def test_the_command_stops_with_its_own_code_and_goes_on_when_there_is_room_again(disk: Path, tmp_path: Path):
    place = disk / "run"
    playing = FillingServer(disk, place)
    server = AnsweringServer(playing.answer, {"/v1/models": Reply(200, '{"data": [{"id": "m"}]}')})
    words = ["eval", "--suite", MINI, "--model", server.url, "--output", str(place), "--sandbox", "bubblewrap", "--concurrency", "2"]
    command = [sys.executable, "-m", "harness.cli", *words, "--tasks", "sums-single", "words-spaces"]

    def start() -> tuple[int, str]:
        with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as started:
            said = started.communicate(timeout=240)[0]
        assert not [group for group in Path("/sys/fs/cgroup").glob("**/harness-*@*") if f":{started.pid}:" in group.name], "boxes are left"
        return started.returncode, said

    try:
        code, said = start()
        assert code == STOPPED, said
        (error,) = [line for line in said.splitlines() if line.startswith("error: ")]
        assert f"{place}: no space left on the disk; free some" in error
        assert "to go on: harness eval" in error
        assert "Traceback" not in said
        results = {result.instance_id: result for result in read_results(place)}
        failed = results["sums-single"].failure
        assert failed is not None
        assert (failed.kind, failed.message.count("\n")) == ("disk", 0)
        assert results["words-spaces"].verdict == "no_patch"
        kept = read_trajectory(place / "trials/sums-single/0")
        assert kept.messages[4].content == LONG
        assert "+++ b/made.ts" in (place / "trials/sums-single/0/patch.diff").read_text(encoding="utf-8")

        (disk / "ballast").unlink()
        playing.fills = False
        code, said = start()
        assert code == OK, said
        assert "1 of 2 are done already" in said
    finally:
        server.close()
    assert [(result.instance_id, result.failure, result.tries) for result in read_results(place)] == [
        ("sums-single", None, 2),
        ("words-spaces", None, 1),
    ]
    assert not list(place.glob("trials/*/.*"))
    assert not (place / ".room").exists()


async def test_a_disk_without_room_for_the_box_is_one_line(disk: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HARNESS_CACHE", str(disk / "cache"))
    fill(disk)
    engine = BubblewrapEngine(load_recipe(), lambda line: None)
    with pytest.raises(SandboxError, match=r"the box cannot be built: .*no space left on device") as caught:
        await engine.start()
    assert "\n" not in str(caught.value)
