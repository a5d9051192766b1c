"""One node's part of a run that is spread over a Ray cluster: an engine, a model, and rollouts with both, in a process of Ray's on that node.

It is asked for one try at one trial at a time, and for many at once. What it has to tell in the meantime (notices, and the messages of what is
under way) lies ready until the driver fetches it.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import pickle
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, Final

from harness.agent import ToolAgent
from harness.config import ConfigError, RunConfig
from harness.engines import choose_engine
from harness.evaluate import chat_model
from harness.machine import this_machine
from harness.rollout import Setting, rollout
from harness.run import source_digest
from sandboxes.images.recipe import cache_directory, keep_environment, load_recipe
from sandboxes.images.shipment import SHIPPING
from sandboxes.sandbox import SandboxError, opener
from tasks.grading import grading_slots
from tasks.task import Task
from trajectories.trajectory import Message

_GATHERED_SECONDS: Final = 0.2
"""A call for each message would cost the driver more than the messages do."""

_OTHER_CODE: Final = "it runs another version of the harness: install the same on all nodes"

News = str | tuple[str, int, tuple[Message, ...]]
"""A line for people, or what was added to the messages of a trial that is under way: its task, which attempt."""


@dataclass(frozen=True, slots=True)
class Environment:
    """A recipe that came with a suite, for a node that has not read that suite."""

    package: bytes
    lock: bytes
    parent: str


@dataclass(frozen=True, slots=True)
class Work:
    """What every node is given once. No key is in it: it lies in Ray's object store."""

    config: RunConfig
    image: str
    image_digest: str
    """Of the image's recipe."""
    environment: Environment | None
    code_digest: str
    setting: Setting
    tasks: dict[str, Task]
    boxes: int
    """Rollouts at once that boxes are kept ready for."""


class NodeWork:
    def __init__(self, packed: bytes) -> None:
        self._work: Work = pickle.loads(packed)  # noqa: S301 - the driver's own
        self._news: asyncio.Queue[News] = asyncio.Queue()
        self._parcel: IO[bytes] | None = None
        self._came = hashlib.sha256()

    async def lacks(self) -> bool:
        """Whether the run's image has to be sent. ConfigError when other code runs here, SandboxError when another build of it is in the way."""
        work = self._work
        if source_digest() != work.code_digest:
            raise ConfigError(_OTHER_CODE)
        if (own := work.environment) is not None:
            await asyncio.to_thread(keep_environment, own.package, own.lock, parent=own.parent)
        self._recipe = load_recipe(work.image)
        if self._recipe.digest != work.image_digest:
            raise ConfigError(_OTHER_CODE)
        cache_directory().mkdir(parents=True, exist_ok=True)
        self._shipping = SHIPPING[work.setting.sandbox]
        built = await asyncio.to_thread(self._shipping.built, self._recipe)
        if built not in (None, work.setting.image) and not self._shipping.replaces:
            raise SandboxError(f"its image is {built}, and this run's {work.setting.image}: remove {self._recipe.tag} from its cache")
        return built != work.setting.image

    async def take(self, portion: bytes) -> None:
        """The next part of the image's archive."""
        if self._parcel is None:
            self._parcel = tempfile.NamedTemporaryFile(prefix=".image-", dir=cache_directory())  # noqa: SIM115 - it comes in parts
        self._parcel.write(portion)
        self._came.update(portion)

    async def unpack(self, digest: str) -> None:
        """The archive is whole. SandboxError when its sha256 is another."""
        assert self._parcel is not None
        came, self._came = self._came.hexdigest(), hashlib.sha256()
        parcel, self._parcel = self._parcel, None
        with parcel as file:
            if came != digest:
                raise SandboxError(f"the image came with the digest {came}, and was sent with {digest}")
            file.flush()
            await asyncio.to_thread(self._shipping.unpack, self._recipe, Path(file.name))

    async def start(self, at_once: int, keys: Mapping[str, str]) -> dict[str, Any]:
        """Make the sandbox engine ready; what this machine is. SandboxError when it cannot make boxes, or makes others than the driver.

        `keys` are environment variables that the endpoint's key is read from. They come as an argument: Ray writes an actor's environment
        into its logs.
        """
        work = self._work
        os.environ.update(keys)
        self._loop = asyncio.get_running_loop()
        self._engine = choose_engine(work.config.sandbox.backend, work.image, self._tell, concurrency=work.boxes)
        await self._engine.start()
        if self._engine.image != work.setting.image:
            raise SandboxError(f"its image is {self._engine.image}, and this run's {work.setting.image}")
        self._model = chat_model(work.config.model, at_once=at_once, say=self._tell)
        self._agent = ToolAgent(self._model, work.config.limits, work.config.model.prices, work.config.context)
        self._grading = grading_slots()
        machine = await asyncio.to_thread(this_machine)
        return {"image": self._engine.image, "machine": machine.model_dump(mode="json")}

    async def allow(self, at_once: int) -> None:
        """So many requests at once from now on, as there are other nodes than before."""
        self._model.allow(at_once)

    async def rollout(self, instance_id: str, attempt: int, tries: int, seed: int | None) -> str:
        """One try at a trial; its record as JSON."""
        work = self._work
        trajectory = await rollout(
            work.tasks[instance_id],
            self._agent,
            opener(self._engine, work.config.sandbox.limits()),
            work.setting,
            attempt=attempt,
            tries=tries,
            seed=seed,
            on_messages=partial(self._pass_on, instance_id, attempt),
            grading=self._grading,
        )
        return trajectory.model_dump_json()

    async def news(self) -> list[News]:
        """What there is to tell since it was last asked for, as soon as there is any."""
        told = [await self._news.get()]
        await asyncio.sleep(_GATHERED_SECONDS)
        while not self._news.empty():
            told.append(self._news.get_nowait())
        return told

    async def close(self) -> None:
        await self._model.close()
        await self._engine.close()

    def _tell(self, line: str) -> None:
        self._loop.call_soon_threadsafe(self._news.put_nowait, line)  # an image is built in a thread

    def _pass_on(self, instance_id: str, attempt: int, messages: Sequence[Message]) -> None:
        self._news.put_nowait((instance_id, attempt, tuple(messages)))
