"""A run: every attempt at every task of a suite, bounded, resumable, recorded one trial at a time."""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
import zlib
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import harness
from harness.agent import ToolAgent
from harness.chat import RULES
from harness.config import ConfigError, RunConfig, differences
from harness.machine import this_machine
from harness.profile import Profile
from harness.rollout import Setting, rollout
from harness.server_words import ServerWords
from sandboxes.sandbox import MIB, SandboxEngine, opener
from tasks.grading import OpenSandbox, grading_slots
from tasks.suite import Suite
from tasks.task import Task
from trajectories.store import Result, RunStore, StoreError, to_json
from trajectories.trajectory import FailureKind, Message, Trajectory

_STOPPING: Final[frozenset[FailureKind]] = frozenset(kind for kind, rule in RULES.items() if rule == "stop_run")
"""Failures that every further rollout would meet as well."""
_FAILURES_IN_A_ROW = 6


_ROOM_BYTES = 4 * MIB
_ROOM_BYTES_A_ROLLOUT = MIB
_MOST_ROOM_BYTES = 64 * MIB
"""Kept on the disk for the records of what is under way when it is full."""


class RunStoppedError(Exception):
    """The infrastructure does not let the run go on. What is finished is kept."""


SEEDS_A_TASK: Final = 65_536
_TASKS: Final = 32_000
"""Their product is below 2**31, as is what a server is sent."""


@dataclass(frozen=True, slots=True)
class Trial:
    task: Task
    attempt: int
    tries: int
    """Begun so often before."""


OnResult = Callable[[Result], None]
OnMessages = Callable[[Sequence[Message]], None]
Begin = Callable[[], OnMessages]
"""Begins a trial's transcript anew; what takes its messages."""
Perform = Callable[[Trial, int, int | None, Begin], Awaitable[Trajectory]]
"""One try at a trial, which try it is, the seed, and its transcript: where that is not done in this process."""


def pending(config: RunConfig, suite: Suite, store: RunStore) -> list[Trial]:
    """What is left to do, attempt by attempt: never begun, or failed by the infrastructure."""
    trials = []
    for attempt in range(config.attempts):
        for task in suite.tasks:
            result = store.results.get((task.instance_id, attempt))
            if result is None or result.failure is not None:
                trials.append(Trial(task, attempt, result.tries if result else 0))
    return trials


def prepare(
    config: RunConfig,
    suite: Suite,
    store: RunStore,
    engine: SandboxEngine,
    *,
    server: ServerWords | None = None,
    profile: Profile | None = None,
    images: Mapping[str, str] | None = None,
) -> None:
    """Write the run's configuration and provenance, or check that a run taken up again is the same. ConfigError when it is not.

    `images` are the identities of the suite's images by name, where they are not all the engine's.
    """
    written = store.read_config()
    if written is not None:
        if changed := differences(written, config):
            raise ConfigError(f"{store.directory} was made with other settings ({', '.join(changed)}); give another --output")
    else:
        store.write("config.toml", config.to_toml())
    if profile is not None:
        store.write("profile.toml", profile.to_toml())
    store.write(
        "run.json",
        to_json(_provenance(suite, engine, server or ServerWords(), images or {task.image: engine.image for task in suite.tasks})),
    )


def note_nodes(store: RunStore, nodes: Sequence[Mapping[str, Any]]) -> None:
    """Add to a prepared run's provenance where its rollouts are done: of each node, its image and its machine."""
    about = json.loads((store.directory / "run.json").read_text(encoding="utf-8"))
    store.write("run.json", to_json({**about, "nodes": [*about.get("nodes", []), *nodes]}))


async def run(
    config: RunConfig,
    suite: Suite,
    store: RunStore,
    engine: SandboxEngine,
    agent: ToolAgent,
    on_result: OnResult,
    *,
    server: str | None = None,
    perform: Perform | None = None,
    trials: Iterable[Trial] | None = None,
) -> None:
    """Do what is pending, or these trials. RunStoppedError when the infrastructure stops it; what is finished is kept.

    When the disk is full, or else refuses a record, nothing more is begun; what is under way may end, and is written as long as there is room.
    StoreError when there is none even to begin.
    """
    left = deque(pending(config, suite, store) if trials is None else trials)
    setting = setting_of(config, suite, engine, server)
    store.keep_room(min(_ROOM_BYTES + config.concurrency * _ROOM_BYTES_A_ROLLOUT, _MOST_ROOM_BYTES))
    work = _Work(config, store, agent, opener(engine, config.sandbox.limits()), setting, on_result, left, perform)
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(config.concurrency, len(left))):
                group.create_task(work.go_on())
    except* RunStoppedError as stopped:
        first: BaseException = stopped
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        raise first from None
    if work.refused is not None:
        raise RunStoppedError(str(work.refused)) from work.refused


def setting_of(config: RunConfig, suite: Suite, engine: SandboxEngine, server: str | None = None) -> Setting:
    return Setting(
        sandbox=engine.name,
        image=engine.image,
        harness_version=harness.__version__,
        harness_commit=source_commit(),
        code_digest=source_digest(),
        config_digest=config.identity(),
        suite=suite.name,
        server=server,
    )


class _Work:
    """What the workers of one run share."""

    def __init__(
        self,
        config: RunConfig,
        store: RunStore,
        agent: ToolAgent,
        open_sandbox: OpenSandbox,
        setting: Setting,
        on_result: OnResult,
        trials: deque[Trial],
        perform: Perform | None,
    ) -> None:
        self._perform = perform
        self._config = config
        self._store = store
        self._agent = agent
        self._open_sandbox = open_sandbox
        self._setting = setting
        self._on_result = on_result
        self._trials = trials
        self._grading = grading_slots()
        self._failures_in_a_row = 0
        self.refused: StoreError | None = None
        """By the disk; something is left undone for it."""

    async def go_on(self) -> None:
        """One worker: takes trials until there is none left, or the disk refuses to keep them."""
        while self._trials:
            trial = self._trials.popleft()
            for more in range(1, self._config.infrastructure_tries + 1):
                if self._store.trouble is not None:
                    self.refused = self._store.trouble
                    return
                try:
                    if await self._try(trial, trial.tries + more):
                        break
                except StoreError as error:
                    self.refused = error
                    return

    async def _try(self, trial: Trial, tries: int) -> bool:
        """One try at a trial; whether it came to an end that counts."""

        def begin() -> OnMessages:
            return self._store.transcript(trial.task.instance_id, trial.attempt).add

        seed = self._config.model.sampling.seed
        seed = None if seed is None else seed_of(seed, trial.task.instance_id, trial.attempt)
        if self._perform is not None:
            trajectory = await self._perform(trial, tries, seed, begin)
        else:
            trajectory = await rollout(
                trial.task,
                self._agent,
                self._open_sandbox,
                self._setting,
                attempt=trial.attempt,
                tries=tries,
                seed=seed,
                on_messages=begin(),
                grading=self._grading,
            )
        self._on_result(self._store.save(trajectory))
        if trajectory.failure is None:
            self._failures_in_a_row = 0
            return True
        if trajectory.failure.kind == "disk":
            raise StoreError(trajectory.failure.message)
        self._failures_in_a_row += 1
        if trajectory.failure.kind in _STOPPING:
            raise RunStoppedError(f"the endpoint refuses to go on: {trajectory.failure.message}")
        if self._failures_in_a_row >= max(_FAILURES_IN_A_ROW, 2 * self._config.concurrency):
            raise RunStoppedError(f"{self._failures_in_a_row} rollouts in a row failed; the last: {trajectory.failure.message}")
        return False


def seed_of(seed: int, instance_id: str, attempt: int) -> int:
    """What a server is sent. Of every trial its own: with one for all tasks, those that are alike would get the same draws, and not be independent."""
    return seed + attempt + SEEDS_A_TASK * (zlib.crc32(instance_id.encode()) % _TASKS)


def source_commit() -> str | None:
    """The commit of the harness's own source, `-dirty` when it is changed; None outside of a checkout."""
    root = Path(harness.__file__).parents[1]
    if not (root / ".git").exists():
        return None
    described = subprocess.run(
        ["git", "-C", root, "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"], capture_output=True, text=True, check=False
    )
    return described.stdout.strip() or None


def source_digest() -> str:
    """sha256 in hex over the files that the harness itself is made of, also outside of a checkout. Suites have digests of their own."""
    digest = hashlib.sha256()
    root = Path(harness.__file__).parents[1]
    for room in ("harness", "sandboxes", "tasks", "trajectories"):
        for file in sorted((root / room).rglob("*")):
            place = file.relative_to(root)
            if file.is_file() and "__pycache__" not in place.parts and place.parts[:2] != ("tasks", "suites"):
                content = file.read_bytes()
                digest.update(f"{place.as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _provenance(suite: Suite, engine: SandboxEngine, server: ServerWords, images: Mapping[str, str]) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "harness": {"version": harness.__version__, "commit": source_commit(), "code_digest": source_digest()},
        "suite": {"name": suite.name, "version": suite.version, "tasks": len(suite.tasks), "digest": suite.digest},
        "sandbox": {"backend": engine.name, "images": dict(images), "does_not_hold": engine.shortfalls()},
        "server": server.model_dump(),
        "machine": this_machine().model_dump(mode="json"),
    }
