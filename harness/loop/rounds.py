"""The rounds: what is done in which order, with what, and what each step's result depends on. What a step does is in the other files."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.config import AgentLimits, ConfigError, ModelSettings, RunConfig
from harness.evaluate import Started, evaluate
from harness.loop import training
from harness.loop.budget import Budget
from harness.loop.config import EndpointStart, LoopConfig, Mix, TrajectoryStart
from harness.loop.curriculum import choose
from harness.loop.digests import digest_of, digest_of_files
from harness.loop.entry import Done, Entry, Split
from harness.loop.errors import LoopStoppedError
from harness.loop.inputs import base_digest, suites_of, times_of
from harness.loop.kept import Kept, digest_of_adapter
from harness.loop.ledger import Ledger
from harness.loop.models import Models
from harness.loop.numbers import Chosen, Evaluated, Expected, Exported, Judged, Learnt, Step, Trained, Tried
from harness.loop.rows import choose_rows, rows_in
from harness.loop.served import Served
from harness.loop.standing import base_step, source_step, standing
from harness.loop.time_split import split_of_run
from harness.loop.trials import check_whole, run_config, runs_in, take_over, tally, what_decides
from harness.loop.verdict import VERDICT, judge, outcomes_of, rate_of
from harness.machine import own_names
from harness.run import OnResult, RunStoppedError
from harness.summary import Summary
from leaderboard.errors import LeaderboardError
from sandboxes.sandbox import SandboxError
from tasks.errors import TaskError
from training.errors import TrainingError
from training.expectation import read_expectation
from training.record import read_metrics
from trajectories.errors import TrajectoryError
from trajectories.source import find
from trajectories.store import StoreError

Say = Callable[[str], None]
Evaluates = Callable[..., Coroutine[Any, Any, tuple[Path, Summary]]]
"""`harness.evaluate.evaluate`, or what does its work."""

_SAID = (ConfigError, LeaderboardError, SandboxError, StoreError, TaskError, TrainingError, TrajectoryError)
"""What says in one line what is to be mended."""


@dataclass(frozen=True, slots=True)
class Best:
    """The model that rounds are compared with and that samples."""

    number: int | None
    """Of the round that trained it; None: it is the base."""
    evaluation: Step
    """That ran it on the held-out suite, in its round or in round 0."""
    outputs: str
    """A digest that tells models apart."""


class Loop:
    def __init__(
        self,
        config: LoopConfig,
        ledger: Ledger,
        served: Served,
        mark: str,
        say: Say,
        on_start: Callable[[Started], OnResult],
        *,
        evaluates: Evaluates = evaluate,
    ) -> None:
        """TaskError when the suites overlap or cannot be loaded; ConfigError when recorded trajectories are not there."""
        self._config = config
        self._ledger = ledger
        self._served = served
        self._mark = f"{mark}-child"
        self._say = say
        self._on_start = on_start
        self._evaluates = evaluates
        self._kept = Kept(ledger)
        self._budget = Budget(config.budgets, ledger)
        self._models = Models(config, ledger, served, self._mark, say)
        self._train, self._held_out = suites_of(config)
        self._base = digest_of([config.base.model, base_digest(config)])
        start = config.cold_start
        self._recorded = [times_of(source) for source in start.sources] if isinstance(start, TrajectoryStart) else None

    async def run(self) -> None:
        """All rounds. LoopStoppedError when one cannot go on; what is done is kept."""
        await self._evaluation(0, base_step(self._config), None, self._base)
        if self._config.cold_start is not None:
            await self._trained(0, await self._demonstrations())
        for number in range(1, self._config.rounds + 1):
            await self._round(number)

    async def _round(self, number: int) -> None:
        chosen = await self._chosen(number)
        sampled = await self._sampled(number, chosen)
        await self._trained(number, sampled)

    async def _trained(self, number: int, trials: Entry) -> None:
        rows = await self._rows(number, trials)
        trained = await self._training(number, rows)
        await self._expectation(number, trained)
        await self._exported(number, trained)
        evaluation = await self._evaluation(number, "evaluation", number, trained.outputs)
        await self._verdict(number, evaluation)

    async def _chosen(self, number: int) -> Entry:
        settings = self._config.sample.curriculum
        before = range(1, number)
        inputs = [settings, self._train.digest, self._config.seed, [self._kept.entry(each, "sample").outputs for each in before]]

        async def work(place: Path) -> Done:
            outcomes = [outcomes_of(*self._kept.runs(each, "sample")) for each in before]
            choice = choose([task.instance_id for task in self._train.tasks], outcomes, settings, self._config.seed + number)
            place.write_text(json.dumps(asdict(choice), indent=1) + "\n", encoding="utf-8")
            words = (
                f"{len(choice.tasks)} of {len(self._train.tasks)} tasks: {choice.unknown} not judged yet, {choice.between} solved sometimes, "
                f"{choice.revisited} looked at again of {choice.always} always and {choice.never} never solved"
            )
            numbers = Chosen(**asdict(choice) | {"tasks": len(choice.tasks)})
            return Done(digest_of(choice.tasks), words, numbers)

        return await self._do(number, "choose", inputs, work)

    async def _sampled(self, number: int, chosen: Entry) -> Entry:
        best = self._best(number)
        inputs = [chosen.outputs, best.outputs, self._train.digest, self._config.sample.mix, what_decides(self._config), self._config.seed]

        async def work(place: Path) -> Done:
            tasks = self._kept.tasks(number)
            began = time.monotonic()
            settings = await self._models.serve(best.number)
            split = Split(model=time.monotonic() - began)
            for kind, mix in enumerate(self._config.sample.mix):
                seed = self._config.seed + 100_003 * number + 1_009 * kind
                config = run_config(self._config, self._config.sample, settings, mix, tasks=tasks, seed=seed)
                split += await self._evaluate(config, place / str(kind), place)
            return self._sampled_words(runs_in(place), split)

        return await self._do(number, "sample", inputs, work)

    async def _demonstrations(self) -> Entry:
        start = self._config.cold_start
        inputs: list[object] = [start, self._train.digest, what_decides(self._config), self._config.seed]
        if self._recorded is not None:
            inputs.append(self._recorded)

        async def work(place: Path) -> Done:
            if isinstance(start, TrajectoryStart):
                place.mkdir(exist_ok=True)
                found = list(find(start.sources))
                return Done(digest_of([start, found]), f"{len(found)} recorded trajectories", Tried(trials=len(found)))
            if isinstance(start, EndpointStart):
                settings = ModelSettings(
                    name=start.name, base_url=start.base_url, api_key_variable=start.api_key_variable, recipe=start.recipe
                )
                mix = Mix(attempts=start.attempts, temperature=start.temperature)
            else:
                settings, mix = ModelSettings(name="oracle"), Mix(attempts=1)
            config = run_config(self._config, self._config.sample, settings, mix, tasks=self._config.sample.tasks, seed=self._config.seed)
            if not isinstance(start, EndpointStart):  # a reference solution is as long as it is
                config = config.model_copy(update={"limits": AgentLimits(), "context": None})
            split = await self._evaluate(config, place / "0", place, ours=False)
            return self._sampled_words(runs_in(place), split)

        return await self._do(0, "demonstrations", inputs, work)

    async def _rows(self, number: int, trials: Entry) -> Entry:
        settings = self._config.rows
        preference = training.method_of(self._config, number) == "dpo"
        earlier = range(0 if self._config.cold_start is not None else 1, number)
        inputs = [settings, preference, trials.outputs, [self._kept.entry(each, source_step(each)).outputs for each in earlier]]

        async def work(place: Path) -> Done:
            start = self._config.cold_start
            filters = start.filters if number == 0 and isinstance(start, TrajectoryStart) else None
            found = choose_rows(
                place,
                self._sources(number),
                [source for each in earlier for source in self._sources(each)],
                settings,
                preference=preference,
                seed=self._config.seed + number,
                repositories={task.instance_id: task.repo for task in self._train.tasks},
                filters=filters,
                machine=own_names(),
            )
            took = ", ".join(f"{name} {count}" for name, count in found.taken.items()) or "none"
            if found.new < settings.least or not found.rows:
                raise LoopStoppedError(
                    f"{found.new} trajectories of this round are left to learn from, at least {max(settings.least, 1)} are wanted (taken out: {took}): "
                    "see what the trials lack (harness trajectories stats), give more attempts or easier tasks in sample, begin with cold_start, "
                    "or lower rows.least"
                )
            words = f"{found.rows} rows of {found.new} new trajectories and {found.replayed} of earlier rounds (taken out: {took})"
            numbers = Learnt(rows=found.rows, new=found.new, replayed=found.replayed, taken=dict(found.taken))
            return Done(found.digest, words, numbers)

        return await self._do(number, "rows", inputs, work)

    async def _training(self, number: int, rows: Entry) -> Entry:
        method = training.method_of(self._config, number)
        best = self._best(number)
        start = (
            self._ledger.place(best.number, "train") / "adapter"
            if best.number is not None and self._config.training.begin == "last"
            else None
        )
        place = self._ledger.place(number, "train")
        directories = rows_in(self._ledger.place(number, "rows"))
        seed = (self._config.seed + number) % 2**31  # as far as training takes them
        settings = training.training_config(self._config, method, rows=directories, output=place, seed=seed, start=start)
        decided = settings.model_dump(mode="json", exclude={"output": True, "data": {"train", "validation"}, "adapters": {"start"}})
        inputs = [method, decided, rows.outputs, self._base, best.outputs if start is not None else None]

        async def work(place: Path) -> Done:
            self._kept.rows(number)
            if start is not None and best.number is not None:
                self._kept.adapter(best.number)
            split = await self._models.rest()
            began = time.monotonic()
            log = place.with_name("train.log")
            await training.train(self._config, settings, method, place, log, self._mark)
            steps = [line for line in read_metrics(place) if line.get("kind") == "step"]
            curve = f", loss {steps[0]['loss']:.4f} to {steps[-1]['loss']:.4f}" if steps else ""
            tokens = sum(int(line["tokens"]) for line in steps)
            numbers = Trained(method=method, steps=len(steps), tokens=tokens, loss=steps[-1]["loss"] if steps else None)
            split += Split(training=time.monotonic() - began)
            return Done(digest_of_adapter(place / "adapter"), f"{method}, {len(steps)} steps{curve}", numbers, split)

        return await self._do(number, "train", inputs, work)

    async def _expectation(self, number: int, trained: Entry) -> Entry:
        settings = self._models.written(number)

        async def work(place: Path) -> Done:
            adapter = self._kept.adapter(number)
            split = await self._models.rest()
            began = time.monotonic()
            place.mkdir(exist_ok=True)
            file = place / "expectation.json"
            await training.expect(self._config, settings, adapter, file, place.with_name("expect.log"), self._mark)
            expected = read_expectation(file)
            tokens = sum(len(each.ids) for each in expected.continuations)
            words = f"{tokens} tokens of {len(expected.continuations)} prompts, as the trainer's model answers them"
            return Done(digest_of_files(file), words, Expected(tokens=tokens), split + Split(training=time.monotonic() - began))

        return await self._do(number, "expect", [trained.outputs, settings.base.precision, self._base], work)

    async def _exported(self, number: int, trained: Entry) -> Entry:
        merged = self._models.merged

        async def work(place: Path) -> Done:
            began = time.monotonic()
            await self._models.export(number)
            what = "a checkpoint with the adapter merged" if merged else "the adapter in the server's layout"
            return Done(digest_of([trained.outputs, merged]), what, Exported(merged=merged), Split(training=time.monotonic() - began))

        return await self._do(number, "export", [trained.outputs, self._base, merged], work)

    async def _evaluation(self, number: int, step: Step, model: int | None, outputs: str) -> Entry:
        """Of round `model`'s adapter, or of the base."""
        settings = self._config.evaluate
        inputs = [settings, self._held_out.digest, what_decides(self._config), self._config.seed, outputs]

        async def work(place: Path) -> Done:
            began = time.monotonic()
            served = await self._models.serve(model)
            split = Split(model=time.monotonic() - began)
            mix = Mix(attempts=settings.attempts, temperature=settings.temperature, top_p=settings.top_p, thinking=settings.thinking)
            config = run_config(self._config, settings, served, mix, tasks=settings.tasks, seed=self._config.seed)
            split += await self._evaluate(config, place, place)
            rate = rate_of(place)
            found = tally([place])
            numbers = Evaluated(rate=rate.value, low=rate.low, high=rate.high, trials=found.trials, resolved=found.resolved)
            words = f"{100 * rate.value:.1f}% resolved ({100 * rate.low:.1f} to {100 * rate.high:.1f}) on {len(self._held_out.tasks)} held-out tasks"
            return Done(found.digest, words, numbers, split, found.tokens, found.cost)

        return await self._do(number, step, inputs, work)

    async def _verdict(self, number: int, evaluation: Entry) -> Entry:
        rule = self._config.promotion
        best = self._best(number)
        before = self._kept.entry(best.number or 0, best.evaluation)
        inputs = [rule, evaluation.outputs, best.number, best.outputs, before.outputs]

        async def work(place: Path) -> Done:
            (champion,) = self._kept.runs(before.round, best.evaluation)
            (candidate,) = self._kept.runs(number, "evaluation")
            found = judge(champion, candidate, champion_round=best.number, round_number=number, rule=rule)
            place.mkdir(exist_ok=True)
            (place / VERDICT).write_text(found.model_dump_json(indent=1) + "\n", encoding="utf-8")
            numbers = Judged(
                promoted=found.promoted,
                against=found.champion_round,
                difference=found.comparison.difference,
                low=found.low,
                gains=len(found.comparison.gains),
                regressions=len(found.comparison.regressions),
            )
            return Done(digest_of(found), found.words, numbers)

        return await self._do(number, "verdict", inputs, work)

    async def _evaluate(self, config: RunConfig, run: Path, step: Path, *, ours: bool = True) -> Split:
        """One run of a step, taken up where it stood. LoopStoppedError when a trial has no grade at its end, or a budget is spent."""
        began = time.monotonic()
        take_over(run / "config.toml", config)
        on_start = self._budget.watching(step, self._on_start)
        work = self._evaluates(config, output=run, fresh=False, say=self._say, on_start=on_start)
        try:
            _, summary = await (self._served.watched(work) if ours else work)
        except RunStoppedError as error:
            raise LoopStoppedError(str(error)) from error
        check_whole(summary, run)
        return split_of_run(run, time.monotonic() - began)

    async def _do(self, number: int, step: Step, inputs: object, work: Callable[[Path], Awaitable[Done]]) -> Entry:
        async def within(place: Path) -> Done:
            async with self._budget.within(place):
                return await work(place)

        try:
            if done := self._ledger.done(number, step, inputs):
                return done
            self._say(f"round {number} of {self._config.rounds}: {step}")
            entry = await self._ledger.do(number, step, inputs, within)
        except (LoopStoppedError, *_SAID) as error:
            raise LoopStoppedError(f"round {number}, {step}: {error}") from error
        self._say(f"round {number}, {step}: {entry.words} ({entry.seconds:.0f} s)")
        return entry

    def _best(self, number: int) -> Best:
        """Before round `number`, and by the lines of the rounds that are done."""
        best = standing(self._ledger.directory, self._ledger.entries, self._config).best_before(number)
        if best is None:
            return Best(None, base_step(self._config), self._base)
        return Best(best, "evaluation", self._kept.entry(best, "train").outputs)

    def _sampled_words(self, runs: Sequence[Path], split: Split) -> Done:
        found = tally(runs)
        words = f"{found.resolved} of {found.trials} trials are resolved"
        return Done(found.digest, words, found.numbers, split, found.tokens, found.cost)

    def _sources(self, number: int) -> list[Path]:
        start = self._config.cold_start
        if number == 0 and isinstance(start, TrajectoryStart):
            return list(start.sources)
        return self._kept.runs(number, source_step(number))
