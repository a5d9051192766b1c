"""Rollouts on a Ray cluster: through the command line on one that `ray start` made on loopback, one of whose nodes is killed in mid-run; and
what needs no cluster, with nodes in this process."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import pickle
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import tenacity

from harness.cli import INTERRUPTED, OK
from harness.cluster import Cluster, Node, refuse_loopback
from harness.config import ConfigError, RunConfig
from harness.node import NodeWork, Work
from harness.ray_connection import join
from harness.run import RunStoppedError, Trial, setting_of, source_digest
from sandboxes.images.recipe import load_recipe
from sandboxes.images.rootfs import rootfs_directory
from sandboxes.images.shipment import SHIPPING
from sandboxes.sandbox import SandboxError
from tasks.suite import Suite
from tests.harness.adversary import Adversary, Line
from tests.harness.fakes import MemoryEngine, ScriptServer
from tests.harness.test_cli import run, start, wait_for_first_result
from tests.loopback import Reply
from trajectories.store import read_results, read_trajectory

ray = pytest.importorskip("ray")

pytestmark = pytest.mark.filterwarnings("default")

MINI = Path(__file__).parents[1] / "mini"
START_SECONDS = 120
TRIALS = ["--suite", str(MINI), "--tasks", "sums-single", "--attempts", "6", "--sandbox", "bubblewrap"]
SUBMIT = {"id": "c", "type": "function", "function": {"name": "submit", "arguments": "{}"}}
LIST = {"id": "c", "type": "function", "function": {"name": "bash", "arguments": '{"command": "ls"}'}}


class RayStart:
    """A cluster as a person starts it: with a token, and without the endpoint's key. A head, and a node for each environment."""

    def __init__(self, *nodes: dict[str, str]) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="harness-ray-"))  # sockets want a short path
        self.token = self.directory / "token"
        self.token.write_text(secrets.token_hex(32), encoding="utf-8")
        self.environment = {"RAY_AUTH_TOKEN_PATH": str(self.token), "RAY_USAGE_STATS_ENABLED": "0"}
        self.port = free_port()
        self.nodes: list[subprocess.Popen[str]] = []
        ports = [f"--port={self.port}", f"--ray-client-server-port={free_port()}", "--include-dashboard=false"]
        try:
            self._start("--head", *ports, f"--temp-dir={self.directory / 'ray'}")
            for node in nodes:
                self._start(f"--address=127.0.0.1:{self.port}", **node)
        except BaseException:
            self.close()
            raise

    @property
    def words(self) -> list[str]:
        return ["--executor", "ray", "--ray-address", f"127.0.0.1:{self.port}"]

    def _start(self, *words: str, **environment: str) -> None:
        """One more node, in a session of its own with all that it starts, when it is ready. TimeoutError with what it said when it is not."""
        ray_program = str(Path(sys.executable).with_name("ray"))
        ports = ["--min-worker-port=0", "--max-worker-port=0", f"--dashboard-agent-listen-port={free_port()}"]
        small = ["--node-ip-address=127.0.0.1", "--num-cpus=1", f"--object-store-memory={100 * 2**20}", "--disable-usage-stats"]
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "RAY_"))}
        node = subprocess.Popen(
            [ray_program, "start", "--block", *words, *ports, *small],
            env={**clean, **self.environment, "RAY_AUTH_MODE": "token", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.nodes.append(node)
        assert node.stdout is not None
        too_late = threading.Timer(START_SECONDS, os.killpg, [node.pid, signal.SIGKILL])
        too_late.start()
        try:
            said = []
            for line in node.stdout:
                said.append(line)
                if "Ray runtime started" in line:
                    return
        finally:
            too_late.cancel()
        raise TimeoutError("".join(said))

    def kill(self, node: subprocess.Popen[str]) -> None:
        os.killpg(node.pid, signal.SIGKILL)
        node.communicate()

    def close(self) -> None:
        for node in reversed(self.nodes):
            if node.returncode is None:
                self.kill(node)
        shutil.rmtree(self.directory, ignore_errors=True)


@tenacity.retry(retry=tenacity.retry_if_exception_type(TimeoutError), stop=tenacity.stop_after_attempt(3), reraise=True)
def bring_up(*nodes: dict[str, str]) -> RayStart:
    """Ray allows a node half a minute, which cannot be set, and a machine that does other work may take it all: then another is started."""
    return RayStart(*nodes)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture
def started(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RayStart]:
    """A head that can make boxes, and a node whose place for their image is the parameter."""
    made = bring_up({"HARNESS_CACHE": str(tmp_path / request.param)})
    try:
        yield made
    finally:
        made.close()


@pytest.mark.slow
@pytest.mark.parametrize("started", ["/proc/nowhere"], indirect=True)
def test_a_run_on_a_cluster_is_cut_off_and_goes_on_and_its_key_is_written_nowhere(started: RayStart, tmp_path: Path):
    key = f"sk-{secrets.token_hex(16)}"
    environment = {**started.environment, "OPENAI_API_KEY": key}
    server = ScriptServer()
    server.gets = [Reply(200, json.dumps({"data": [{"id": "x"}]}))]
    server.posts = [Reply(200, json.dumps({"choices": [{"message": {"role": "assistant", "content": "", "tool_calls": [SUBMIT]}}]}))]
    words = ["eval", *TRIALS, "--model", server.url, "--concurrency", "2", "--output", "here", *started.words]
    try:
        cut = start(*words, cwd=tmp_path, env=environment)
        wait_for_first_result(cut, tmp_path / "here")
        cut.send_signal(signal.SIGTERM)
        said = cut.communicate(timeout=120)[0]
        assert cut.returncode == INTERRUPTED, said
        assert "to go on: harness eval" in said
        assert "Traceback" not in said
        assert "received at time" not in said  # the native part's words
        assert re.search(r"node \S+ does no work: .*/proc/nowhere", said)
        assert "1 node does the work" in said
        finished = len(read_results(tmp_path / "here"))
        assert 0 < finished < 6
        again = run(*words, cwd=tmp_path, env=environment)
        assert again.returncode == OK, again.stderr
    finally:
        server.close()
    results = read_results(tmp_path / "here")
    assert [len(results), {(each.failure, each.tries) for each in results}] == [6, {(None, 1)}]
    assert {given for given in server.keys if given} == {f"Bearer {key}"}
    about = json.loads((tmp_path / "here/run.json").read_text(encoding="utf-8"))
    assert [node["machine"]["harness"] for node in about["nodes"]] == [about["harness"]["version"]]
    assert {node["image"] for node in about["nodes"]} == {*about["sandbox"]["images"].values()}
    written = [file for place in (tmp_path, started.directory) for file in place.rglob("*") if file.is_file()]
    assert len(written) > 40
    assert [file for file in written if key.encode() in file.read_bytes()] == []


@pytest.mark.slow
@pytest.mark.parametrize("started", ["cache"], indirect=True)
async def test_a_node_that_is_killed_costs_no_trial(started: RayStart, tmp_path: Path):
    seen = asyncio.Event()
    turns = 0

    async def behave(line: Line) -> None:
        nonlocal turns
        if line.method == "GET":
            await line.answer()
            return
        turns += 1
        if turns > 12:
            seen.set()
        await asyncio.sleep(0.4)
        await line.answer({"content": "", "tool_calls": [SUBMIT if len(line.body["messages"]) > 6 else LIST]})

    async with Adversary(behave) as server:
        words = ["eval", *TRIALS, "--model", "x", "--base-url", server.url, "--concurrency", "6", "--output", "here", *started.words]
        evaluation = start(*words, cwd=tmp_path, env=started.environment)
        ending = asyncio.create_task(asyncio.to_thread(evaluation.communicate, timeout=480))
        await asyncio.wait({ending, asyncio.create_task(seen.wait())}, return_when=asyncio.FIRST_COMPLETED)
        assert not ending.done(), ending.result()[0]
        transcripts = [file.read_text(encoding="utf-8") for file in (tmp_path / "here/trials").rglob("messages.jsonl")]
        await asyncio.to_thread(started.kill, started.nodes[-1])
        said = (await ending)[0]
    assert evaluation.returncode == OK, said
    assert "the image is sent to" in said
    assert "2 nodes do the work" in said
    assert "is lost" in said
    assert any('"assistant"' in transcript for transcript in transcripts)
    results = read_results(tmp_path / "here")
    assert len(results) == 6
    assert {(result.failure, result.tries, result.stop_reason) for result in results} == {(None, 1, "submitted")}
    record = read_trajectory(tmp_path / "here/trials/sums-single/0")
    assert (record.provenance.sandbox, record.provenance.suite) == ("bubblewrap", "mini")
    assert not list((tmp_path / "here").glob("trials/*/.*"))


# Without a cluster


def no_image(archive: Path) -> None:
    raise AssertionError("nobody lacks it")


@dataclass
class Method:
    """As an actor's: called through `remote`, and an error of its own comes wrapped."""

    call: Callable[..., Awaitable[Any]]

    async def remote(self, *given: Any) -> Any:
        try:
            return await self.call(*given)
        except ConfigError as error:
            raise ray.exceptions.RayTaskError("call", "", error) from error


@dataclass
class Actor:
    """A node's part in this process, which may be lost as it begins a rollout."""

    record: str = ""
    lost: bool = False
    allowed: list[int] = field(default_factory=list)
    begun: int = 0

    def __getattr__(self, name: str) -> Method:
        return Method(getattr(type(self), f"on_{name}").__get__(self))

    async def on_lacks(self) -> bool:
        return False

    async def on_start(self, at_once: int, keys: dict[str, str]) -> dict[str, Any]:
        self.allowed.append(at_once)
        return {}

    async def on_allow(self, at_once: int) -> None:
        self.allowed.append(at_once)

    async def on_rollout(self, *given: Any) -> str:
        self.begun += 1
        if self.lost:
            raise ray.exceptions.RayActorError
        return self.record

    async def on_news(self) -> list[Any]:
        await asyncio.get_running_loop().create_future()
        return []

    async def on_close(self) -> None: ...


async def test_what_all_nodes_may_send_is_divided_and_divided_anew_when_one_is_lost(mini):
    record = "{}"
    actors = [Actor(record, lost=place == 0) for place in range(3)]
    said: list[str] = []
    nodes = [Node(f"10.0.0.{place}", actor) for place, actor in enumerate(actors)]
    made = Cluster(nodes, 4, said.append)
    await made.start({}, no_image)
    assert [node.share for node in nodes] == [2, 1, 1]
    with pytest.raises(ValueError, match="Trajectory"):  # what the second node answers is no record
        await made.perform(Trial(mini.tasks[0], 0, 0), 1, None, lambda: lambda messages: None)
    assert [actor.allowed for actor in actors] == [[2], [1, 2], [1, 2]]
    assert [actor.begun for actor in actors] == [1, 1, 0]
    assert said == ["node 10.0.0.0 is lost: what it had not finished is done elsewhere (RayActorError)"]
    await made.close()


async def test_a_node_without_a_share_waits_for_anothers_and_a_run_without_nodes_stops(mini):
    actors = [Actor(lost=True), Actor(lost=True)]
    made = Cluster([Node("a", actors[0]), Node("b", actors[1])], 1, lambda line: None)
    await made.start({}, no_image)
    with pytest.raises(RunStoppedError, match="no node of the cluster is left"):
        await made.perform(Trial(mini.tasks[0], 0, 0), 1, None, lambda: lambda messages: None)
    assert [actor.allowed for actor in actors] == [[1], [0, 1]]
    assert [actor.begun for actor in actors] == [1, 1]
    await made.close()


def node_work(mini: Suite, **other: Any) -> NodeWork:
    config = RunConfig.model_validate({"suite": str(MINI), "model": {"name": "x", "base_url": "http://127.0.0.1:9/v1"}})
    engine = MemoryEngine(name="bubblewrap", image=other.pop("built", "sha256:memory"))
    digests = {"image_digest": load_recipe("node24").digest, "code_digest": source_digest(), **other}
    setting = setting_of(config, mini, engine)
    return NodeWork(pickle.dumps(Work(config=config, image="node24", environment=None, setting=setting, tasks={}, boxes=1, **digests)))


async def test_a_node_of_other_code_is_refused_by_name(mini):
    for other in ({"code_digest": "0" * 64}, {"image_digest": "0" * 64}):
        actor = Actor()
        actor.lacks = Method(node_work(mini, **other).lacks)
        said: list[str] = []
        made = Cluster([Node("10.0.0.1", actor), Node("10.0.0.2", Actor())], 2, said.append)
        await made.start({}, no_image)
        assert said == ["node 10.0.0.1 does no work: it runs another version of the harness: install the same on all nodes"]
        assert [each.address for each in made.living] == ["10.0.0.2"]
        await made.close()
        alone = Cluster([Node("10.0.0.1", actor)], 2, said.append)
        with pytest.raises(ConfigError, match="no node of the cluster can do work: it runs another version"):
            await alone.start({}, no_image)
        await alone.close()


async def test_an_image_comes_whole_by_its_digest_or_not_at_all_and_in_no_others_place(mini, monkeypatch, tmp_path):
    recipe, archive = load_recipe("node24"), tmp_path / "image.tar"
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "here"))
    root = rootfs_directory(recipe)
    (root / "bin").mkdir(parents=True)
    (root / "bin/tool").write_bytes(b"#!")
    (root / "bin/tool").chmod(0o755)
    (root / "bin/link").symlink_to("tool")
    (root.parent / "manifest.json").write_text('{"digest": "ab"}', encoding="utf-8")
    SHIPPING["bubblewrap"].pack(recipe, archive)
    packed = archive.read_bytes()
    digest = hashlib.sha256(packed).hexdigest()
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "there"))
    node = node_work(mini, built="node24@sha256:ab")
    assert await node.lacks()
    await node.take(packed[:-10])
    with pytest.raises(SandboxError, match=f"and was sent with {digest}"):
        await node.unpack(digest)
    assert await node.lacks()
    for place in range(0, len(packed), 4096):
        await node.take(packed[place : place + 4096])
    await node.unpack(digest)
    assert not await node.lacks()
    built = rootfs_directory(recipe) / "bin"
    assert [(built / "link").readlink(), (built / "tool").stat().st_mode & 0o777] == [Path("tool"), 0o755]
    assert list((tmp_path / "there").glob(".image-*")) == []
    with pytest.raises(SandboxError, match=r"its image is node24@sha256:ab, and this run's node24@sha256:cd: remove node24-"):
        await node_work(mini, built="node24@sha256:cd").lacks()


@pytest.mark.parametrize(
    ("url", "elsewhere", "refused"),
    [
        ("http://127.0.0.1:8000/v1", {"10.0.0.2"}, True),
        ("http://localhost:8000/v1", {"10.0.0.2"}, True),
        ("http://[::1]:8000/v1", {"10.0.0.2"}, True),
        ("http://127.0.0.1:8000/v1", set(), False),
        ("http://10.0.0.1:8000/v1", {"10.0.0.2"}, False),
        ("https://models.example.org/v1", {"10.0.0.2"}, False),
    ],
)
def test_an_address_that_means_each_machine_itself_is_refused_when_there_is_another_machine(url: str, elsewhere: set[str], refused: bool):
    for base, more in ((url, ()), ("http://10.0.0.1/v1", (url,))):
        if refused:
            with pytest.raises(ConfigError, match=r"node 10\.0\.0\.2 of the cluster cannot reach"):
                refuse_loopback(base, more, elsewhere=elsewhere)
        else:
            refuse_loopback(base, more, elsewhere=elsewhere)


@pytest.mark.parametrize("address", ["127.0.0.1:{port}", "ray://127.0.0.1:{port}", "nowhere.invalid:{port}", "127.0.0.1:99999"])
async def test_a_cluster_that_is_not_there_is_said_at_once(address: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ray, "init", lambda **_: pytest.fail("Ray looks for it for 85 s"))
    place = address.format(port=free_port())
    with pytest.raises(ConfigError, match=f"the Ray cluster {place} cannot be reached: "):
        await join(place)
