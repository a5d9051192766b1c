"""What a loop works with, all of it small and quick: a server of adapters on loopback, a trainer's programs, and rollouts that are written, not run.

The order of the rounds, the ledger, the rows, the adapters on their way to the server, the parity check and the verdicts are the loop's own.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.small_suite import write_suite
from harness.config import RunConfig
from harness.evaluate import Started
from harness.loop.config import LoopConfig
from harness.loop.entry import Done, Entry
from harness.loop.ledger import Ledger, read_ledger
from harness.loop.numbers import Step
from harness.loop.rounds import Loop
from harness.loop.served import serving
from harness.run import OnResult, pending
from harness.summary import Summary, summarise
from leaderboard.anatomy import Outcome
from tasks.suite import load_suite
from tests.harness.loop.files import loop_config
from tests.leaderboard.synthetic import make_trajectory
from tests.loopback import LoopbackServer, Reply, Request, as_json
from trajectories.store import RunStore

TRAINER = Path(__file__).with_name("trainer.py")


class AdapterServer(LoopbackServer):
    """Loads adapters, lists them, and tells log-probabilities as the weights of the adapter in question have them."""

    def __init__(self) -> None:
        super().__init__()
        self.adapters: dict[str, str] = {}
        self.off = 0.0
        """Nats a token by which it answers wrongly."""

    def reply_to(self, request: Request) -> Reply:
        if request.method == "GET":
            return as_json({"data": [{"id": "base"}, *({"id": name, "parent": "base"} for name in self.adapters)]})
        body = request.json()
        if request.path == "/v1/load_lora_adapter":
            self.adapters[body["lora_name"]] = body["lora_path"]
            return as_json({})
        logprobs = [None, *[self.logprob(body["model"])] * len(body["prompt"])]
        return as_json({"choices": [{"logprobs": {"token_logprobs": logprobs}}]})

    def logprob(self, model: str) -> float:
        weights = json.loads((Path(self.adapters[model]) / "adapter_model.safetensors").read_bytes())
        return float(weights["logprob"]) + self.off


class Killed(BaseException):
    """The process is gone: nothing after it is done."""


class Mortal(Ledger):
    """Dies before or after it writes a line."""

    dies: tuple[int, Step, str] | None = None

    async def do(self, number: int, step: Step, inputs: object, work: Callable[[Path], Awaitable[Done]]) -> Entry:
        async def working(place: Path) -> Done:
            made = await work(place)
            if self.dies == (number, step, "before"):
                raise Killed
            return made

        entry = await super().do(number, step, inputs, working)
        if self.dies == (number, step, "after"):
            raise Killed
        return entry


Solves = Callable[[str, str, int], Outcome]
"""By the model (`base`, `round-1`, …, or what an endpoint calls it), task and attempt."""


class Surroundings:
    def __init__(self, place: Path, url: str) -> None:
        self.place = place
        self.url = url
        self.said: list[str] = []
        self.solves: Solves = lambda model, task, attempt: "resolved"
        self.ran: list[RunConfig] = []
        self.breaks: Callable[[RunConfig, int], None] = lambda config, results: None
        """Called after each result of a run with how many there are."""
        write_suite(place / "suite", train=2, held_out=2, tasks=2)
        python = place / "python"
        python.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S {TRAINER} {place} "$@"\n', encoding="utf-8")
        python.chmod(0o755)

    def config(self, **changes: Any) -> LoopConfig:
        """Nearly everything is promoted."""
        serve = {"base_url": self.url, "name": "base"}
        given = {
            "serve": serve,
            "training__python": "python",
            "promotion__margin": 0.99,
            "rows__least": 0,
            "sample__curriculum__revisit": 1.0,
        }
        return loop_config(self.place, **(given | changes))

    async def run(self, config: LoopConfig, dies: tuple[int, Step, str] | None = None) -> list[Entry]:
        """One sitting; the ledger's lines after it."""
        config.directory.mkdir(exist_ok=True)
        (config.directory / ".lock").touch()
        with Mortal(config.directory) as ledger:
            ledger.dies = dies
            (config.directory / "loop.toml").write_text(config.to_toml(), encoding="utf-8")
            async with serving(config, config.directory, "unused", self.said.append) as served:
                loop = Loop(
                    config,
                    ledger,
                    served,
                    "test-of-rounds",
                    self.said.append,
                    lambda started: lambda result: None,
                    evaluates=self.evaluates,
                )
                await loop.run()
        return read_ledger(config.directory)

    async def evaluates(
        self, config: RunConfig, *, output: Path, fresh: bool, say: Callable[[str], None], on_start: Callable[[Started], OnResult]
    ) -> tuple[Path, Summary]:
        """What `harness.evaluate.evaluate` does, but that the trials are written as they come out."""
        assert not fresh
        self.ran.append(config)
        suite = load_suite(config.suite).select(config.tasks, split=config.split)
        seed = config.model.sampling.seed or 0
        model = config.model.name if config.model.name[-13:-12] != "-" else config.model.name[:-13]  # less its version
        with RunStore(output) as store:
            store.write("config.toml", config.to_toml())
            left = pending(config, suite, store)
            on_result = on_start(Started(output, model, suite, "none", (), len(suite.tasks) * config.attempts, 0))
            for trial in left:
                task, attempt = trial.task.instance_id, trial.attempt
                chance = random.Random(f"{seed} {task} {attempt}")
                outcome = self.solves(model, task, attempt)
                result = store.save(make_trajectory(task, attempt, outcome, chance, model=config.model.name, kilobytes=6))
                on_result(result)
                self.breaks(config, len(store.results))
            return output, summarise(model, suite, config.attempts, store.results.values())

    def calls(self) -> list[str]:
        """Of the trainer's programs."""
        file = self.place / "calls"
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []

    def trained_from(self, directory: Path, number: int) -> dict[str, Any]:
        """The weights of a round's adapter."""
        return dict(json.loads((directory / f"round-{number}/train/adapter/adapter_model.safetensors").read_bytes()))


@contextmanager
def surroundings(place: Path) -> Iterator[tuple[Surroundings, AdapterServer]]:
    with AdapterServer() as server:
        yield Surroundings(place, server.url), server


def told(entries: Sequence[Entry]) -> list[tuple[object, ...]]:
    """What lines say, less times and the digests of inputs, some of which are of places."""
    return [(entry.round, entry.step, entry.words, entry.numbers, entry.outputs, entry.tokens, entry.cost) for entry in entries]
