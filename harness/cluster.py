"""Rollouts on the nodes of a Ray cluster, each with a sandbox engine of its own (`node`); their records come back to the one run directory.

The run itself (what is pending, budgets, retries, the store) stays where it is. A node that is lost costs what it had not finished; that is done
elsewhere, and counts as no try. Every node must run the same code, and makes its boxes from the same recipe, whose digest names the image.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import ipaddress
import math
import os
import pickle
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from harness.config import ConfigError, RunConfig
from harness.extras import needs_extra
from harness.node import NodeWork, Work
from harness.rollout import Setting
from harness.run import Begin, OnMessages, RunStoppedError, Trial, source_digest
from sandboxes.images.recipe import load_recipe
from sandboxes.sandbox import SandboxError
from tasks.suite import Suite
from trajectories.trajectory import Trajectory

_START_SECONDS = 1800.0
"""A node may have to build its image."""
_CLOSE_SECONDS = 30.0
_IF_REFUSED = (
    "a cluster that wants a token, as Ray's own default is, takes the one of the machine where it was started: "
    "its ~/.ray/auth_token, copied to the same place here, or in RAY_AUTH_TOKEN"
)


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

    @property
    def living(self) -> list[Node]:
        return [node for node in self._nodes if not node.lost]

    def described(self) -> list[dict[str, Any]]:
        """For the run's record: where the work is done."""
        return [node.about or {} for node in self.living]

    async def start(self, keys: dict[str, str]) -> None:
        """Make every node ready. One that cannot work is left out, as long as there is another: else ConfigError."""
        self._divide()
        self._listening = [asyncio.create_task(self._listen(node), name=f"news of {node.address}") for node in self._nodes]
        problems = await asyncio.gather(*(_start(node, keys) for node in self._nodes))
        for node, problem in zip(self._nodes, problems, strict=True):
            if problem is not None:
                node.lost = True
                self._say(f"node {node.address} does no work: {problem}")
        if not self.living:
            raise ConfigError(f"no node of the cluster can do work: {problems[0]}")
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
            except _losses() as error:
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
        with contextlib.suppress(*_losses()):  # noticed where its work is waited for
            await asyncio.gather(*(node.actor.allow.remote(node.share) for node in changed))

    async def _listen(self, node: Node) -> None:
        """Bring what a node has to tell to where it belongs, until it is lost."""
        while not node.lost:
            try:
                told = await node.actor.news.remote()
            except _losses() as error:
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
    _take_token(address)
    ray = _ray()
    started_here = not ray.is_initialized()
    if started_here:
        await _join(ray, address)
    made: Cluster | None = None
    try:
        living = [node for node in ray.nodes() if node["Alive"]]
        here = ray.util.get_node_ip_address()
        refuse_loopback(config.model.base_url, config.model.more_urls, elsewhere={node["NodeManagerAddress"] for node in living} - {here})
        work = Work(
            config=config,
            image=image,
            image_digest=load_recipe(image).digest,
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
        await made.start(_keys(config))
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


def _take_token(address: str | None) -> None:
    """Speak with a token where one is there, as Ray does with a cluster that it finds by itself, but not with one at a given address.

    Ray reads the mode once, when it is imported. A cluster that wants no token does not mind one.
    """
    if "RAY_AUTH_MODE" in os.environ or not (address or os.environ.get("RAY_ADDRESS")):
        return
    file = Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or "~/.ray/auth_token").expanduser()
    if os.environ.get("RAY_AUTH_TOKEN") or file.is_file():
        os.environ["RAY_AUTH_MODE"] = "token"


async def _join(ray: Any, address: str | None) -> None:  # noqa: ANN401
    try:
        await asyncio.to_thread(ray.init, address=address, logging_level="ERROR", log_to_driver=False, include_dashboard=False)
    except (ConnectionError, ValueError, RuntimeError, ray.exceptions.AuthenticationError) as error:
        raise ConfigError(f"the Ray cluster {address or ''} cannot be reached: {str(error).splitlines()[0]}; {_IF_REFUSED}") from error
    finally:
        _take_signals_back()


def _take_signals_back() -> None:
    """Ray's native part puts its own in the place of the process's: they print a stack and abort, where a run is to end in order."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGINT, signal.SIGTERM):
        if (ours := signal.getsignal(number)) is not None:
            signal.signal(number, ours)
            signal.siginterrupt(number, False)  # noqa: FBT003


def _keys(config: RunConfig) -> dict[str, str]:
    name = config.model.api_key_variable
    return {name: os.environ[name]} if os.environ.get(name) else {}


def _ray() -> Any:  # noqa: ANN401 - its own types know no actor made at run time
    """Ray. ConfigError when it is not installed."""
    with needs_extra("ray"):
        importlib.import_module("ray.util.scheduling_strategies")
        return importlib.import_module("ray")


def _losses() -> tuple[type[Exception], ...]:
    """What a call ends with whose node is gone: before it was done, or with its outcome."""
    errors = _ray().exceptions
    return (errors.RayActorError, errors.NodeDiedError, errors.ObjectLostError)


async def _start(node: Node, keys: dict[str, str]) -> str | None:
    """None when it is ready; else what is in the way."""
    ray = _ray()
    try:
        async with asyncio.timeout(_START_SECONDS):
            node.about = await node.actor.start.remote(node.share, keys)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, ConfigError | SandboxError | OSError):
            return str(error.cause)
        raise
    except TimeoutError:
        return f"it was not ready within {_START_SECONDS:.0f} s"
    except _losses() as error:
        return type(error).__name__
    return None
