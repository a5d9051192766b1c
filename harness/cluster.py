"""Rollouts on the nodes of a Ray cluster, each with a sandbox engine of its own (`node`); their records come back to the one run directory.

The run itself (what is pending, budgets, retries, the store) stays where it is. A node that is lost costs what it had not finished; that is done
elsewhere, and counts as no try. Every node must run the same code, and makes its boxes of the driver's image: it is sent to one that lacks it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import ipaddress
import math
import os
import pickle
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from harness.config import ConfigError, RunConfig, SandboxSettings
from harness.node import Environment, NodeWork, Work
from harness.ray_connection import join, losses, ray_installed, take_token
from harness.rollout import Setting
from harness.run import Begin, OnMessages, RunStoppedError, Trial, source_digest
from sandboxes.images.recipe import ImageRecipe, image_names, load_recipe
from sandboxes.images.shipment import SHIPPING
from sandboxes.sandbox import MIB, SandboxError
from tasks.suite import Suite
from trajectories.trajectory import Trajectory

_START_SECONDS = 1800.0
"""Of one step: a node may have to wait for its image."""
_CLOSE_SECONDS = 30.0
_PORTION_BYTES = 8 * MIB


@dataclass(slots=True)
class Node:
    """As the driver sees it."""

    address: str
    actor: Any
    share: int = 0
    """Requests to the endpoint that it may have under way."""
    under_way: int = 0
    lost: bool = False
    about: dict[str, Any] | None = None
    """Its image and its machine, when it is ready."""


class Cluster:
    """The nodes that do the work, and what they may send at once, all of them together."""

    def __init__(self, nodes: Sequence[Node], at_once: int, say: Callable[[str], None]) -> None:
        self._nodes = nodes
        self._at_once = at_once
        self._say = say
        self._transcripts: dict[tuple[str, int], OnMessages] = {}
        self._listening: list[asyncio.Task[None]] = []
        self._problem = ""
        """What was in the way of the first node that was left out."""

    @property
    def living(self) -> list[Node]:
        return [node for node in self._nodes if not node.lost]

    def described(self) -> list[dict[str, Any]]:
        """For the run's record: where the work is done."""
        return [node.about or {} for node in self.living]

    async def start(self, keys: dict[str, str], pack: Callable[[Path], None]) -> None:
        """Make every node ready. One that cannot work is left out, as long as there is another: else ConfigError.

        `pack` writes the run's image into a file, for nodes that lack it.
        """
        self._divide()
        self._listening = [asyncio.create_task(self._listen(node), name=f"news of {node.address}") for node in self._nodes]
        answers = await self._ask(self._nodes, _call("lacks"))
        if lacking := [node for node, lacks in answers if lacks]:
            await self._send(lacking, pack)
        for node, about in await self._ask(self.living, lambda node: node.actor.start.remote(node.share, keys)):
            node.about = about
        if not self.living:
            raise ConfigError(f"no node of the cluster can do work: {self._problem}")
        await self._divide_anew()

    async def perform(self, trial: Trial, tries: int, seed: int | None, begin: Begin) -> Trajectory:
        """One try, on the node with the least to do; again on another one when that is lost. RunStoppedError when none is left."""
        key = (trial.task.instance_id, trial.attempt)
        while True:
            able = [node for node in self.living if node.share]
            if not able:
                raise RunStoppedError("no node of the cluster is left")
            node = min(able, key=lambda each: each.under_way / each.share)
            node.under_way += 1
            self._transcripts[key] = begin()
            try:
                return Trajectory.model_validate_json(await node.actor.rollout.remote(*key, tries, seed))
            except losses() as error:
                await self._lose(node, error)
            finally:
                del self._transcripts[key]
                node.under_way -= 1

    async def close(self) -> None:
        for task in self._listening:
            task.cancel()
        closing = asyncio.gather(*(node.actor.close.remote() for node in self.living), return_exceptions=True)
        with contextlib.suppress(Exception):  # those that are lost cannot be closed
            await asyncio.wait_for(closing, _CLOSE_SECONDS)

    async def _ask(self, nodes: Sequence[Node], call: Callable[[Node], Awaitable[Any]]) -> list[tuple[Node, Any]]:
        """What each of them answers. One that cannot is left out."""
        answers = []
        for node, (answer, problem) in zip(nodes, await asyncio.gather(*(_tried(call(node)) for node in nodes)), strict=True):
            if problem is None:
                answers.append((node, answer))
            else:
                node.lost = True
                self._problem = self._problem or problem
                self._say(f"node {node.address} does no work: {problem}")
        return answers

    async def _send(self, nodes: Sequence[Node], pack: Callable[[Path], None]) -> None:
        """The run's image, part by part: Ray brings each part to all nodes, and its store never holds more than that."""
        self._say(f"the image is sent to {', '.join(node.address for node in nodes)}")
        digest = hashlib.sha256()
        with tempfile.TemporaryDirectory() as scratch:
            archive = Path(scratch, "image.tar")
            await asyncio.to_thread(pack, archive)
            for portion in _portions(archive):
                digest.update(portion)
                stored = ray_installed().put(portion)
                nodes = [node for node, _ in await self._ask(nodes, _call("take", stored))]
        await self._ask(nodes, _call("unpack", digest.hexdigest()))

    async def _lose(self, node: Node, error: Exception) -> None:
        if node.lost:
            return
        node.lost = True
        self._say(f"node {node.address} is lost: what it had not finished is done elsewhere ({type(error).__name__})")
        await self._divide_anew()

    def _divide(self) -> None:
        """One share each of what may be under way at once. A node that gets none waits for another's."""
        living = self.living
        for place, node in enumerate(living):
            node.share = self._at_once // len(living) + (place < self._at_once % len(living))

    async def _divide_anew(self) -> None:
        before = {id(node): node.share for node in self._nodes}
        self._divide()
        changed = [node for node in self.living if node.share != before[id(node)] and node.share]
        with contextlib.suppress(*losses()):  # noticed where its work is waited for
            await asyncio.gather(*(node.actor.allow.remote(node.share) for node in changed))

    async def _listen(self, node: Node) -> None:
        """Bring what a node has to tell to where it belongs, until it is lost."""
        while not node.lost:
            try:
                told = await node.actor.news.remote()
            except losses() as error:
                if node.about is not None:  # else its start says why
                    await self._lose(node, error)
                return
            for each in told:
                if isinstance(each, str):
                    self._say(f"node {node.address}: {each}")
                else:
                    instance_id, attempt, messages = each
                    if (add := self._transcripts.get((instance_id, attempt))) is not None:
                        add(messages)


@contextlib.asynccontextmanager
async def cluster(
    config: RunConfig,
    suite: Suite,
    image: str,
    setting: Setting,
    *,
    address: str | None,
    say: Callable[[str], None],
    at_once: int | None = None,
) -> AsyncIterator[Cluster]:
    """The cluster at the address (Ray's own default: the one that this machine belongs to, else one that is started here), each node ready.

    At most `at_once` requests are under way, of all nodes together; None: as many as there are rollouts. ConfigError when the cluster cannot
    be reached, its nodes cannot reach the endpoint, or none can make a box.
    """
    take_token(address)
    ray = ray_installed()
    started_here = not ray.is_initialized()
    if started_here:
        await join(address)
    made: Cluster | None = None
    try:
        living = [node for node in ray.nodes() if node["Alive"]]
        here = ray.util.get_node_ip_address()
        refuse_loopback(config.model.base_url, config.model.more_urls, elsewhere={node["NodeManagerAddress"] for node in living} - {here})
        recipe = load_recipe(image)
        work = Work(
            config=_with_backend(config, setting),
            image=image,
            image_digest=recipe.digest,
            environment=_environment(recipe),
            code_digest=source_digest(),
            setting=setting,
            tasks={task.instance_id: task for task in suite.tasks},
            boxes=math.ceil(config.concurrency / len(living)),
        )
        packed = ray.put(pickle.dumps(work))
        remote = ray.remote(num_cpus=0, max_concurrency=config.concurrency + 8)(NodeWork)
        nodes = []
        for node in living:
            there = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            nodes.append(Node(node["NodeManagerAddress"], remote.options(scheduling_strategy=there).remote(packed)))
        made = Cluster(nodes, config.concurrency if at_once is None else at_once, say)
        await made.start(_keys(config), partial(SHIPPING[setting.sandbox].pack, recipe))
        yield made
    finally:
        if made is not None:
            await made.close()
        if started_here:
            await asyncio.to_thread(ray.shutdown)


def refuse_loopback(base_url: str | None, more_urls: Iterable[str], *, elsewhere: set[str]) -> None:
    """ConfigError when other machines are to reach an endpoint by an address that means each machine itself."""
    for url in (base_url, *more_urls):
        if url is not None and elsewhere and _is_loopback(urlsplit(url).hostname or ""):
            raise ConfigError(
                f"node {min(elsewhere)} of the cluster cannot reach {url}: give an address that other machines reach "
                "(oracle and noop are served on this machine, for nodes on it alone)"
            )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback or ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _portions(archive: Path) -> Iterator[bytes]:
    with open(archive, "rb") as file:
        while portion := file.read(_PORTION_BYTES):
            yield portion


def _with_backend(config: RunConfig, setting: Setting) -> RunConfig:
    """All nodes make the kind of box that the driver does, whatever each would choose by itself."""
    sandbox = config.sandbox.model_dump() | {"backend": setting.sandbox}
    return config.model_copy(update={"sandbox": SandboxSettings.model_validate(sandbox)})


def _environment(recipe: ImageRecipe) -> Environment | None:
    if recipe.name in image_names() or recipe.parent is None:
        return None
    package, lock = ((recipe.directory / name).read_bytes() for name in ("package.json", "package-lock.json"))
    return Environment(package, lock, recipe.parent.name)


def _keys(config: RunConfig) -> dict[str, str]:
    name = config.model.api_key_variable
    return {name: os.environ[name]} if os.environ.get(name) else {}


def _call(method: str, *given: object) -> Callable[[Node], Awaitable[Any]]:
    return lambda node: cast("Awaitable[Any]", getattr(node.actor, method).remote(*given))


async def _tried(call: Awaitable[Any]) -> tuple[Any, str | None]:
    """The answer, and what was in the way of it."""
    ray = ray_installed()
    try:
        async with asyncio.timeout(_START_SECONDS):
            return await call, None
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, ConfigError | SandboxError | OSError):
            return None, str(error.cause)
        raise
    except TimeoutError:
        return None, f"no answer within {_START_SECONDS:.0f} s"
    except losses() as error:
        return None, type(error).__name__
