"""Rollouts on the nodes of a Ray cluster, each with a sandbox engine of its own; their records come back to the one run directory.

The run itself (what is pending, budgets, retries, the store) stays where it is: a node does one try at one trial at a time it is asked, and many
at once. A node that is lost costs what it had not finished; that is done elsewhere, and counts as no try. Every node must run the same code,
and makes its boxes from the same recipe, whose digest names the image.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import math
import pickle
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from harness.agent import ToolAgent
from harness.config import ConfigError, RunConfig
from harness.engines import choose_engine
from harness.evaluate import chat_model
from harness.extras import needs_extra
from harness.rollout import Setting, rollout
from harness.run import RunStoppedError, Trial, source_digest
from sandboxes.images.recipe import load_recipe
from sandboxes.sandbox import SandboxError, opener
from tasks.grading import grading_slots
from tasks.suite import Suite
from tasks.task import Task
from trajectories.trajectory import Trajectory

_START_SECONDS = 1800.0
"""A node may have to build its image."""


@dataclass(frozen=True, slots=True)
class Work:
    """What every node is given once."""

    config: RunConfig
    image: str
    image_digest: str
    """Of the image's recipe."""
    code_digest: str
    setting: Setting
    tasks: dict[str, Task]
    at_once: int
    """Requests to the endpoint, of one node."""


class NodeWork:
    """One node's part: an engine, a model, and rollouts with both. Lives in a process of Ray's on that node."""

    def __init__(self, packed: bytes) -> None:
        self._work: Work = pickle.loads(packed)  # noqa: S301 - the driver's own

    async def start(self) -> str:
        """Make the sandbox engine ready; what the image is here. ConfigError when the node runs other code."""
        work = self._work
        if source_digest() != work.code_digest or load_recipe(work.image).digest != work.image_digest:
            raise ConfigError("a node runs another version of the harness: install the same on all of them")
        self._engine = choose_engine(work.config.sandbox.backend, work.image, lambda line: None, concurrency=work.at_once)
        await self._engine.start()
        self._model = chat_model(work.config.model, at_once=work.at_once, say=lambda line: None)
        self._agent = ToolAgent(self._model, work.config.limits, work.config.model.prices, work.config.context)
        self._grading = grading_slots()
        return self._engine.image

    async def rollout(self, instance_id: str, attempt: int, tries: int, seed: int | None) -> str:
        """One try at a trial; its record as JSON."""
        work = self._work
        fields = {name: getattr(work.setting, name) for name in Setting.__slots__}
        setting = Setting(**{**fields, "sandbox": self._engine.name, "image": self._engine.image})
        trajectory = await rollout(
            work.tasks[instance_id],
            self._agent,
            opener(self._engine, work.config.sandbox.limits()),
            setting,
            attempt=attempt,
            tries=tries,
            seed=seed,
            grading=self._grading,
        )
        return trajectory.model_dump_json()

    async def close(self) -> None:
        await self._model.close()
        await self._engine.close()


@dataclass(slots=True)
class _Node:
    identity: str
    address: str
    actor: Any
    under_way: int = 0
    lost: bool = False


class Cluster:
    """The nodes that do the work."""

    def __init__(self, nodes: list[_Node], say: Callable[[str], None]) -> None:
        self._nodes = nodes
        self._say = say

    @property
    def size(self) -> int:
        return sum(not node.lost for node in self._nodes)

    async def perform(self, trial: Trial, tries: int, seed: int | None) -> Trajectory:
        """One try, on the node with the least to do; again on another one when that is lost. RunStoppedError when none is left."""
        ray = _ray()
        while True:
            living = [node for node in self._nodes if not node.lost]
            if not living:
                raise RunStoppedError("no node of the cluster is left")
            node = min(living, key=lambda each: each.under_way)
            node.under_way += 1
            try:
                return Trajectory.model_validate_json(await node.actor.rollout.remote(trial.task.instance_id, trial.attempt, tries, seed))
            except (ray.exceptions.RayActorError, ray.exceptions.NodeDiedError) as error:
                if not node.lost:
                    node.lost = True
                    self._say(f"node {node.address} is lost: what it had not finished is done elsewhere ({type(error).__name__})")
            finally:
                node.under_way -= 1


@contextlib.asynccontextmanager
async def cluster(
    config: RunConfig, suite: Suite, image: str, setting: Setting, *, address: str | None, say: Callable[[str], None]
) -> AsyncIterator[Cluster]:
    """The cluster at the address (Ray's own default: the one that this machine belongs to, else one that is started here), each node ready.

    ConfigError when it cannot be reached, or no node can make a box.
    """
    ray = _ray()
    started_here = not ray.is_initialized()
    if started_here:
        try:
            await asyncio.to_thread(ray.init, address=address, logging_level="ERROR", log_to_driver=False, include_dashboard=False)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise ConfigError(f"the Ray cluster {address or ''} cannot be reached: {error}") from error
    nodes: list[_Node] = []
    try:
        living = [node for node in ray.nodes() if node["Alive"]]
        work = Work(
            config=config,
            image=image,
            image_digest=load_recipe(image).digest,
            code_digest=source_digest(),
            setting=setting,
            tasks={task.instance_id: task for task in suite.tasks},
            at_once=math.ceil(config.concurrency / len(living)),
        )
        packed = ray.put(pickle.dumps(work))
        remote = ray.remote(num_cpus=0, max_concurrency=max(8, config.concurrency + 2))(NodeWork)
        for node in living:
            here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            actor = remote.options(scheduling_strategy=here).remote(packed)
            nodes.append(_Node(node["NodeID"], node["NodeManagerAddress"], actor))
        await _start(nodes, say)
        yield Cluster(nodes, say)
    finally:
        with contextlib.suppress(Exception):  # those that are lost cannot be closed
            await asyncio.wait_for(
                asyncio.gather(*(node.actor.close.remote() for node in nodes if not node.lost), return_exceptions=True), 30
            )
        if started_here:
            await asyncio.to_thread(ray.shutdown)


def _ray() -> Any:  # noqa: ANN401 - its own types know no actor made at run time
    """Ray. ConfigError when it is not installed."""
    with needs_extra("ray"):
        importlib.import_module("ray.util.scheduling_strategies")
        return importlib.import_module("ray")


async def _start(nodes: list[_Node], say: Callable[[str], None]) -> None:
    """A node that cannot make boxes is left out, as long as there is another."""
    ray = _ray()

    async def start(node: _Node) -> str | None:
        try:
            async with asyncio.timeout(_START_SECONDS):
                await node.actor.start.remote()
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, ConfigError | SandboxError):
                return str(error.cause)
            raise
        except (ray.exceptions.RayActorError, TimeoutError) as error:
            return type(error).__name__
        return None

    problems = await asyncio.gather(*(start(node) for node in nodes))
    for node, problem in zip(nodes, problems, strict=True):
        if problem is not None:
            node.lost = True
            say(f"node {node.address} does no work: {problem}")
    if all(node.lost for node in nodes):
        raise ConfigError(f"no node of the cluster can do work: {problems[0]}")
