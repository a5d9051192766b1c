"""The rounds: what is done in which order, with what, and what each step's result depends on. What a step does is in the other files."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.checkpoint import read_adapter
from harness.config import AgentLimits, ConfigError, ModelSettings, RunConfig
from harness.evaluate import Started, evaluate
from harness.loop import training
from harness.loop.config import EndpointStart, LoopConfig, Mix, TrajectoryStart
from harness.loop.curriculum import choose
from harness.loop.errors import LoopStoppedError
from harness.loop.inputs import base_digest, suites_of, times_of
from harness.loop.ledger import Done, Entry, Ledger, Split, Step, digest_of, digest_of_files
from harness.loop.rows import choose_rows
from harness.loop.served import Served
from harness.loop.time_split import split_of_run
from harness.loop.trials import check_whole, run_config, runs_in, take_over, tally, what_decides
from harness.loop.verdict import judge, outcomes_of, rate_of
from harness.machine import own_names
from harness.parity import TOLERANCES, check_parity
from harness.run import OnResult, RunStoppedError
from leaderboard.errors import LeaderboardError
from sandboxes.sandbox import SandboxError
from tasks.errors import TaskError
from training.config import Config
from training.errors import TrainingError
from training.expectation import read_expectation
from training.record import read_metrics
from trajectories.errors import TrajectoryError
from trajectories.source import find
from trajectories.store import StoreError

Say = Callable[[str], None]

REMOVED = "removed"
"""The file that `harness loop gc` leaves in the place of an export."""
_VERDICT = "verdict.json"
_SAID = (ConfigError, LeaderboardError, SandboxError, StoreError, TaskError, TrainingError, TrajectoryError)
"""What says in one line what is to be mended."""


@dataclass(frozen=True, slots=True)
class Best:
    """The model that rounds are compared with and that samples."""

    number: int | None
    """Of the round that trained it; None: it is the base."""
    evaluation: Path
    """Its run on the held-out suite."""
    outputs: str
    """A digest that tells models apart."""


class Loop:
    def __init__(
        self, config: LoopConfig, ledger: Ledger, served: Served, mark: str, say: Say, on_start: Callable[[Started], OnResult]
    ) -> None:
        """TaskError when the suites overlap or cannot be loaded; ConfigError when recorded trajectories are not there."""
        self._config = config
        self._ledger = ledger
        self._served = served
        self._mark = f"{mark}-child"
        self._say = say
        self._on_start = on_start
        self._train, self._held_out = suites_of(config)
        self._base = digest_of([config.base.model, base_digest(config)])
        start = config.cold_start
        self._recorded = [times_of(source) for source in start.sources] if isinstance(start, TrajectoryStart) else None

    async def run(self) -> None:
        """All rounds. LoopStoppedError when one cannot go on; what is done is kept."""
        best = await self._first()
        for number in range(1, self._config.rounds + 1):
            best = await self._round(number, best)

    async def _first(self) -> Best:
        """The base on the held-out suite, and what comes of demonstrations where there are any."""
        if self._config.cold_start is None:
            return await self._evaluated_base("evaluation")
        base = await self._evaluated_base("base")
        shown = await self._demonstrations()
        return await self._trained(0, base, shown)

    async def _evaluated_base(self, step: Step) -> Best:
        entry = await self._evaluation(0, step, None, self._base)
        return Best(None, self._ledger.place(0, step), entry.outputs)

    async def _round(self, number: int, best: Best) -> Best:
        chosen = await self._chosen(number)
        sampled = await self._sampled(number, chosen, best)
        return await self._trained(number, best, sampled)

    async def _trained(self, number: int, best: Best, trials: Entry) -> Best:
        rows = await self._rows(number, trials)
        trained = await self._training(number, rows, best)
        await self._expectation(number, trained)
        await self._exported(number, trained)
        entry = await self._evaluation(number, "evaluation", number, trained.outputs)
        verdict = await self._verdict(number, best, entry)
        if not verdict.numbers["promoted"]:
            return best
        return Best(number, self._ledger.place(number, "evaluation"), trained.outputs)

    async def _chosen(self, number: int) -> Entry:
        settings = self._config.sample.curriculum
        before = [each for each in range(1, number) if self._ledger.find(each, "sample") is not None]
        inputs = [settings, self._train.digest, self._config.seed, [self._outputs(each, "sample") for each in before]]

        async def work(place: Path) -> Done:
            outcomes = [outcomes_of(*runs_in(self._ledger.place(each, "sample"))) for each in before]
            choice = choose([task.instance_id for task in self._train.tasks], outcomes, settings, self._config.seed + number)
            place.write_text(json.dumps(asdict(choice), indent=1) + "\n", encoding="utf-8")
            words = (
                f"{len(choice.tasks)} of {len(self._train.tasks)} tasks: {choice.unknown} not judged yet, {choice.between} solved sometimes, "
                f"{choice.revisited} looked at again of {choice.always} always and {choice.never} never solved"
            )
            numbers = {name: value for name, value in asdict(choice).items() if name != "tasks"} | {"tasks": len(choice.tasks)}
            return Done(digest_of(choice.tasks), words, numbers)

        return await self._do(number, "choose", inputs, work)

    async def _sampled(self, number: int, chosen: Entry, best: Best) -> Entry:
        inputs = [chosen.outputs, best.outputs, self._train.digest, self._config.sample.mix, what_decides(self._config), self._config.seed]

        async def work(place: Path) -> Done:
            tasks = tuple(json.loads(self._ledger.place(number, "choose").read_text(encoding="utf-8"))["tasks"])
            began = time.monotonic()
            settings = await self._serve(best.number)
            split = Split(model=time.monotonic() - began)
            for kind, mix in enumerate(self._config.sample.mix):
                seed = self._config.seed + 100_003 * number + 1_009 * kind
                config = run_config(self._config, self._config.sample, settings, mix, tasks=tasks, seed=seed)
                split += await self._evaluate(config, place / str(kind))
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
                return Done(digest_of([start, found]), f"{len(found)} recorded trajectories", {"trials": len(found)})
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
            split = await self._evaluate(config, place / "0", ours=False)
            return self._sampled_words(runs_in(place), split)

        return await self._do(0, "demonstrations", inputs, work)

    async def _rows(self, number: int, trials: Entry) -> Entry:
        settings = self._config.rows
        preference = training.method_of(self._config, number) == "dpo"
        earlier = [each for each in range(number) if self._ledger.find(each, _source(each)) is not None]
        inputs = [settings, preference, trials.outputs, [self._outputs(each, _source(each)) for each in earlier]]

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
            numbers = {"rows": found.rows, "new": found.new, "replayed": found.replayed, "taken": dict(found.taken)}
            return Done(found.digest, words, numbers)

        return await self._do(number, "rows", inputs, work)

    async def _training(self, number: int, rows: Entry, best: Best) -> Entry:
        method = training.method_of(self._config, number)
        start = self._adapter(best.number) if best.number is not None and self._config.training.begin == "last" else None
        place = self._ledger.place(number, "train")
        directories = _rows_in(self._ledger.place(number, "rows"))
        seed = self._config.seed + number
        settings = training.training_config(self._config, method, rows=directories, output=place, seed=seed, start=start)
        decided = settings.model_dump(mode="json", exclude={"output": True, "data": {"train", "validation"}, "adapters": {"start"}})
        inputs = [method, decided, rows.outputs, self._base, best.outputs if start is not None else None]

        async def work(place: Path) -> Done:
            await self._served.rest()
            began = time.monotonic()
            log = place.with_name("train.log")
            await training.train(self._config, settings, method, place, log, self._mark)
            steps = [line for line in read_metrics(place) if line.get("kind") == "step"]
            curve = f", loss {steps[0]['loss']:.4f} to {steps[-1]['loss']:.4f}" if steps else ""
            tokens = sum(int(line["tokens"]) for line in steps)
            numbers = {"method": method, "steps": len(steps), "tokens": tokens, "loss": steps[-1]["loss"] if steps else None}
            outputs = digest_of_files(*_adapter_files(self._adapter(number)))
            return Done(outputs, f"{method}, {len(steps)} steps{curve}", numbers, Split(training=time.monotonic() - began))

        return await self._do(number, "train", inputs, work)

    async def _expectation(self, number: int, trained: Entry) -> Entry:
        settings = self._written(number)

        async def work(place: Path) -> Done:
            await self._served.rest()
            began = time.monotonic()
            place.mkdir(exist_ok=True)
            file = place / "expectation.json"
            await training.expect(self._config, settings, self._trained_adapter(number), file, place.with_name("expect.log"), self._mark)
            expected = read_expectation(file)
            tokens = sum(len(each.ids) for each in expected.continuations)
            words = f"{tokens} tokens of {len(expected.continuations)} prompts, as the trainer's model answers them"
            return Done(digest_of_files(file), words, {"tokens": tokens}, Split(training=time.monotonic() - began))

        return await self._do(number, "expect", [trained.outputs, settings.base.precision, self._base], work)

    async def _exported(self, number: int, trained: Entry) -> Entry:
        merged = self._served.merged

        async def work(place: Path) -> Done:
            began = time.monotonic()
            await self._export(number)
            what = "a checkpoint with the adapter merged" if merged else "the adapter in the server's layout"
            return Done(digest_of([trained.outputs, merged]), what, {"merged": merged}, Split(training=time.monotonic() - began))

        return await self._do(number, "export", [trained.outputs, self._base, merged], work)

    async def _export(self, number: int) -> None:
        place = self._ledger.place(number, "export")
        adapter = self._trained_adapter(number)
        log = place.with_name("export.log")
        await training.export(self._config, self._written(number), adapter, place, log, self._mark, merged=self._served.merged)

    async def _evaluation(self, number: int, step: Step, model: int | None, outputs: str) -> Entry:
        """Of round `model`'s adapter, or of the base."""
        settings = self._config.evaluate
        inputs = [settings, self._held_out.digest, what_decides(self._config), self._config.seed, outputs]

        async def work(place: Path) -> Done:
            began = time.monotonic()
            served = await self._serve(model)
            split = Split(model=time.monotonic() - began)
            mix = Mix(attempts=settings.attempts, temperature=settings.temperature, top_p=settings.top_p, thinking=settings.thinking)
            config = run_config(self._config, settings, served, mix, tasks=settings.tasks, seed=self._config.seed)
            split += await self._evaluate(config, place)
            rate = rate_of(place)
            found = tally([place])
            numbers = {"rate": rate.value, "low": rate.low, "high": rate.high} | found.numbers
            words = f"{100 * rate.value:.1f}% resolved ({100 * rate.low:.1f} to {100 * rate.high:.1f}) on {len(self._held_out.tasks)} held-out tasks"
            return Done(found.digest, words, numbers, split, found.tokens, found.cost)

        return await self._do(number, step, inputs, work)

    async def _verdict(self, number: int, best: Best, evaluation: Entry) -> Entry:
        rule = self._config.promotion
        inputs = [rule, evaluation.outputs, best.number, best.outputs, tally([best.evaluation]).digest]

        async def work(place: Path) -> Done:
            candidate = self._ledger.place(number, "evaluation")
            found = judge(best.evaluation, candidate, champion_round=best.number, round_number=number, rule=rule)
            place.mkdir(exist_ok=True)
            (place / _VERDICT).write_text(found.model_dump_json(indent=1) + "\n", encoding="utf-8")
            numbers = {
                "promoted": found.promoted,
                "against": found.champion_round,
                "difference": found.comparison.difference,
                "low": found.low,
                "gains": len(found.comparison.gains),
                "regressions": len(found.comparison.regressions),
            }
            return Done(digest_of(found), found.words, numbers)

        return await self._do(number, "verdict", inputs, work)

    async def _serve(self, model: int | None) -> ModelSettings:
        """Where round `model`'s adapter answers, proven to be the one that was trained; or the base."""
        if model is None:
            return await self._served.use(None, "base")
        exported = self._ledger.place(model, "export")
        if (exported / REMOVED).exists() or not exported.exists():
            await self._export(model)
        settings = await self._served.use(exported, f"round-{model}")
        expected = read_expectation(self._ledger.place(model, "expect") / "expectation.json")
        tolerance = self._config.parity.tolerance or TOLERANCES[expected.precision]
        found = await self._served.watched(check_parity(expected, settings, tolerance=tolerance))
        (exported.parent / "parity.json").write_text(found.model_dump_json(indent=1) + "\n", encoding="utf-8")
        self._say(f"parity: {found.words}")
        if not found.holds:
            raise LoopStoppedError(f"what is served is not what was trained: {found.words}")
        return settings

    async def _evaluate(self, config: RunConfig, place: Path, *, ours: bool = True) -> Split:
        """One run, taken up where it stood. LoopStoppedError when a trial has no grade at its end."""
        began = time.monotonic()
        take_over(place / "config.toml", config)
        work = evaluate(config, output=place, fresh=False, say=self._say, on_start=self._on_start)
        try:
            _, summary = await (self._served.watched(work) if ours else work)
        except RunStoppedError as error:
            raise LoopStoppedError(str(error)) from error
        check_whole(summary, place)
        seconds = time.monotonic() - began
        return split_of_run(place, seconds)

    async def _do(self, number: int, step: Step, inputs: object, work: Callable[[Path], Awaitable[Done]]) -> Entry:
        if done := self._ledger.done(number, step, inputs):
            return done
        self._check_budgets()
        self._say(f"round {number} of {self._config.rounds}: {step}")
        try:
            entry = await self._ledger.do(number, step, inputs, work)
        except (LoopStoppedError, *_SAID) as error:
            raise LoopStoppedError(f"round {number}, {step}: {error}") from error
        self._say(f"round {number}, {step}: {entry.words} ({entry.seconds:.0f} s)")
        return entry

    def _check_budgets(self) -> None:
        entries = self._ledger.entries
        budgets = self._config.budgets
        spent: Sequence[tuple[str, float, float | None]] = (
            ("hours", sum(entry.seconds for entry in entries) / 3600, budgets.hours),
            ("tokens", sum(entry.tokens for entry in entries), budgets.tokens),
            ("cost", sum(entry.cost or 0.0 for entry in entries), budgets.cost),
        )
        for name, value, most in spent:
            if most is not None and value >= most:
                raise LoopStoppedError(f"the budget of {name} is spent: {value:,.2f} of {most:,.2f}; to go on, raise budgets.{name}")

    def _sampled_words(self, runs: Sequence[Path], split: Split) -> Done:
        found = tally(runs)
        words = f"{found.resolved} of {found.trials} trials are resolved"
        return Done(found.digest, words, found.numbers, split, found.tokens, found.cost)

    def _sources(self, number: int) -> list[Path]:
        start = self._config.cold_start
        if number == 0 and isinstance(start, TrajectoryStart):
            return list(start.sources)
        return runs_in(self._ledger.place(number, _source(number)))

    def _outputs(self, number: int, step: Step) -> str:
        entry = self._ledger.find(number, step)
        assert entry is not None
        return entry.outputs

    def _adapter(self, number: int) -> Path:
        return self._ledger.place(number, "train") / "adapter"

    def _trained_adapter(self, number: int) -> Path:
        """LoopStoppedError when it is not, any more, what the round's training has made."""
        adapter = self._adapter(number)
        read_adapter("adapter", adapter)
        if digest_of_files(*_adapter_files(adapter)) != self._outputs(number, "train"):
            raise LoopStoppedError(
                f"{adapter} is not the adapter that was trained: put that back, or remove {adapter.parent} to train it again"
            )
        return adapter

    def _written(self, number: int) -> Config:
        """The configuration that the round was trained with."""
        method = training.method_of(self._config, number)
        return training.training_config(
            self._config, method, rows=(Path("unused"),), output=self._ledger.place(number, "train"), seed=0, start=None
        )


def _source(number: int) -> Step:
    return "demonstrations" if number == 0 else "sample"


def _rows_in(place: Path) -> tuple[Path, ...]:
    return tuple(place / name for name in ("tokens", "chat", "pairs") if (place / name).is_dir())


def _adapter_files(adapter: Path) -> list[Path]:
    return [adapter / "adapter_config.json", adapter / "adapter_model.safetensors"]
