"""The loop that every method shares: rows in, adapters out. Plain, so that it can be read, stopped anywhere and taken up again to the same curve.

Why not TRL's or transformers' trainers: they cut what is too long at its end, drop rows that are masked without a word, average losses over rows instead of
tokens that are learnt, keep documents apart in attention only, and train on tool outputs in multi-turn pairs (DPO); each would have to be overridden, and
then nothing of them is left but this loop. What they rest on is used as it is: transformers' models and tokenizers, PEFT's adapters, torch's and
bitsandbytes' optimizers, torch's FSDP2, TensorBoard's writer.

A step's loss is the sum over its rows divided by the sum of their weights (learned tokens; pairs), over all processes, so that neither packing nor the number of
processes changes what is minimised. All chance is drawn from the seed and the number of the row.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Generic, Protocol, TypeVar

import torch

from training.adapter_files import digest
from training.checkpoints import State, load_latest, save
from training.config import Config
from training.cost import Cost
from training.errors import TrainingError
from training.interruption import Interrupted, Interruption
from training.optimizers import build_optimizer
from training.origin import checkpoint_digest
from training.processes import Processes
from training.record import RunRecord
from training.schedules import rate_at

Row = TypeVar("Row")

_NAMED: Final = 6
"""Rows that a message lists."""


class Objective(Protocol[Row]):
    """What is minimised, on rows that are one forward pass each."""

    def rows(self, epoch: int) -> Sequence[Row]:
        """In their order; of the same number in every epoch."""

    def validation(self) -> Sequence[Row]: ...

    def weight(self, row: Row) -> float:
        """What its loss is divided by, with those of the other rows of a step."""

    def tokens(self, row: Row) -> int: ...

    def places(self, row: Row) -> Sequence[str]:
        """Where its documents come from."""

    def loss(self, model: Any, row: Row, device: torch.device) -> tuple[torch.Tensor, Mapping[str, float]]:
        """The summed loss, and sums of what is worth watching besides."""


@dataclass(frozen=True, slots=True)
class StepReport:
    """What a person sees of a step."""

    step: int
    steps: int
    epoch: float
    loss: float
    rate: float
    gradient: float
    """Norm, before it was clipped."""
    tokens: int
    learned: float
    """Weight of the step: learned tokens, or pairs."""
    seconds: float
    tokens_per_second: float
    mfu: float | None
    memory_gib: float | None
    """Peak on this process's device so far."""
    eta_seconds: float
    watched: Mapping[str, float]
    """Means of what the objective tells besides the loss."""


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    step: int
    loss: float
    best: bool
    watched: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended."""

    steps: int
    loss: float | None
    """Of the last step; None when there was none left to do."""
    evaluation: float | None
    """The best one's loss."""
    best_step: int | None
    """Of that evaluation."""
    stopped_early: bool


Report = Callable[[StepReport | EvaluationReport], None]
Say = Callable[[str], None]


class Trainer(Generic[Row]):
    def __init__(
        self, config: Config, model: Any, objective: Objective[Row], processes: Processes, cost: Cost, *, data_digest: str, report: Report, say: Say
    ) -> None:  # fmt: skip
        self._config = config
        self._model = model
        self._objective = objective
        self._processes = processes
        self._cost = cost
        self._report = report
        self._say = say
        self._parameters = {name: each for name, each in model.named_parameters() if each.requires_grad}
        self._optimizer = build_optimizer(config.optimizer, self._parameters)
        self._rows_an_epoch = len(objective.rows(0))
        self._rows = max(1, math.ceil(config.length.epochs * self._rows_an_epoch))
        self._steps = math.ceil(self._rows / config.length.rows_per_step)
        if config.length.steps is not None:
            self._steps = config.length.steps
            self._rows = self._steps * config.length.rows_per_step
        self._state = State(fingerprint=_fingerprint(config, data_digest, Path(model.harness_base)))
        self._epoch: tuple[int, Sequence[Row]] | None = None

    @property
    def steps(self) -> int:
        return self._steps

    def run(self) -> Outcome:
        """To the end, from the latest checkpoint where there is one; with evaluation.patience the model is left as the best evaluation saw it. Interrupted after a checkpoint when asked to stop; TrainingError, which names the rows,
        when a loss or a gradient is no number: the checkpoint is the state before."""
        record = self._taken_up()
        loss: float | None = None
        try:
            with Interruption() as interruption:
                while self._state.step < self._steps and not self._spent():
                    if self._asked(interruption):
                        raise Interrupted(f"at step {self._state.step} of {self._steps}")
                    loss = self._step(record, interruption)
                    if self._objective.validation() and self._is_due(self._config.evaluation.every_steps, at_end=True):
                        self._evaluate(record)
                    if self._is_due(self._config.checkpoints.every_steps):
                        self._save()
        except (Interrupted, TrainingError):
            self._save()
            raise
        finally:
            record.close()
        self._save()
        if self._config.evaluation.patience is not None:
            self._become(self._state.best_parameters)
        return Outcome(self._state.step, loss, self._state.best, self._state.best_step, stopped_early=self._spent())

    def _spent(self) -> bool:
        patience = self._config.evaluation.patience
        return patience is not None and self._state.worse >= patience

    def _step(self, record: RunRecord, interruption: Interruption) -> float:
        began = time.perf_counter()
        config, step = self._config, self._state.step
        first = step * config.length.rows_per_step
        numbers = range(first, min(first + config.length.rows_per_step, self._rows))
        rows = [self._row(number) for number in numbers]
        weight = sum(self._objective.weight(row) for row in rows)
        tokens = sum(self._objective.tokens(row) for row in rows)
        self._optimizer.clear()
        total = torch.zeros((), dtype=torch.float64, device=self._processes.device)
        watched: dict[str, float] = {}
        broken: list[str] = []
        for number, row, counts in self._mine(numbers, rows):
            if interruption.asked and self._processes.count == 1:
                raise Interrupted(f"at step {step} of {self._steps}")
            self._draw_from(number)
            loss, seen = self._objective.loss(self._model, row, self._processes.device)
            if counts:
                torch.autograd.backward(loss / weight)
                total += loss.detach().double()
                for name, value in seen.items():
                    watched[name] = watched.get(name, 0.0) + value
                if not bool(torch.isfinite(loss.detach())):
                    broken += self._objective.places(row)
            else:  # other processes have a row more, and a sharded base has to be gathered by all
                torch.autograd.backward(loss * 0)
        self._processes.sum_gradients(self._parameters.values())
        names = sorted(watched) or []
        every = self._processes.gather(names)
        names = max(every, key=len)
        sums = self._processes.sum([float(total), *(watched.get(name, 0.0) for name in names)])
        norm = float(torch.nn.utils.clip_grad_norm_(self._parameters.values(), config.optimizer.most_gradient))
        if not math.isfinite(sums[0]) or not math.isfinite(norm):
            self._refuse(step, sums[0], norm, broken, rows)
        rate = self._optimizer.step(rate_at(step, self._steps, config.schedule))
        self._optimizer.clear()
        self._state.step += 1
        seconds = time.perf_counter() - began
        loss_value = sums[0] / weight
        report = StepReport(
            step=self._state.step,
            steps=self._steps,
            epoch=min(numbers.stop, self._rows) / self._rows_an_epoch,
            loss=loss_value,
            rate=rate,
            gradient=norm,
            tokens=tokens,
            learned=weight,
            seconds=seconds,
            tokens_per_second=tokens / seconds,
            mfu=self._cost.mfu(tokens, weight, seconds, self._processes.count),
            memory_gib=_memory(self._processes.device),
            eta_seconds=seconds * (self._steps - self._state.step),
            watched={name: value / weight for name, value in zip(names, sums[1:], strict=True)},
        )
        if self._processes.first:
            record.step(report)
            self._report(report)
        return loss_value

    def _mine(self, numbers: range, rows: Sequence[Row]) -> Iterator[tuple[int, Row, bool]]:
        """This process's share of a step, and whether it counts."""
        processes = self._processes
        for start in range(0, len(rows), processes.count):
            place = start + processes.rank
            if place < len(rows):
                yield numbers[place], rows[place], True
            elif self._config.machine.spread == "shard":
                yield numbers[start], rows[start], False

    def _evaluate(self, record: RunRecord) -> None:
        rows = self._objective.validation()
        self._model.eval()
        total = weight = 0.0
        watched: dict[str, float] = {}
        with torch.no_grad():
            for number, row, counts in self._mine(range(len(rows)), rows):
                self._draw_from(number)
                loss, seen = self._objective.loss(self._model, row, self._processes.device)
                if counts:
                    total += float(loss)
                    weight += self._objective.weight(row)
                    for name, value in seen.items():
                        watched[name] = watched.get(name, 0.0) + value
        self._model.train()
        names = max(self._processes.gather(sorted(watched)), key=len)
        total, weight, *seen_sums = self._processes.sum([total, weight, *(watched.get(name, 0.0) for name in names)])
        loss_value = total / weight
        best = math.isfinite(loss_value) and (self._state.best is None or loss_value < self._state.best)
        self._state.worse = 0 if best else self._state.worse + 1
        if best:
            self._state.best, self._state.best_step = loss_value, self._state.step
            self._state.best_parameters = self._held() if self._config.evaluation.patience is not None else {}
        report = EvaluationReport(
            self._state.step, loss_value, best, {name: each / weight for name, each in zip(names, seen_sums, strict=True)}
        )
        if self._processes.first:
            record.evaluation(report)
            self._report(report)

    def _row(self, number: int) -> Row:
        """The rows of all epochs, one after the other."""
        epoch, place = divmod(number, self._rows_an_epoch)
        if self._epoch is None or self._epoch[0] != epoch:
            self._epoch = (epoch, self._objective.rows(epoch))
        return self._epoch[1][place]

    def _draw_from(self, number: int) -> None:
        torch.manual_seed((self._config.length.seed << 32) + number)

    def _refuse(self, step: int, loss: float, norm: float, broken: Sequence[str], rows: Sequence[Row]) -> None:
        named = [place for each in self._processes.gather(list(broken)) for place in each]
        what = f"the loss is {loss}" if named or not math.isfinite(loss) else f"the norm of the gradient is {norm}"
        named = named or [place for row in rows for place in self._objective.places(row)]
        more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
        raise TrainingError(
            f"step {step + 1}: {what}, on {', '.join(named[:_NAMED])}{more}; the state before it is kept: look at these rows, or lower optimizer.learning_rate"
        )

    def _asked(self, interruption: Interruption) -> bool:
        return self._processes.sum([float(interruption.asked)])[0] > 0 if self._processes.count > 1 else interruption.asked

    def _is_due(self, every: int | None, *, at_end: bool = False) -> bool:
        return (every is not None and self._state.step % every == 0) or (at_end and self._state.step == self._steps)

    def _taken_up(self) -> RunRecord:
        found = load_latest(self._config.output / "checkpoints", self._state.fingerprint, say=self._say)
        if found is not None:
            self._state = found
            self._become(found.parameters)
            self._optimizer.restore(found.optimizer)
            if self._config.evaluation.patience is not None and not found.best_parameters:  # it has not been looked for so far
                found.best, found.best_step, found.worse = None, None, 0
        return RunRecord(self._config, step=self._state.step, writes=self._processes.first)

    def _save(self) -> None:
        if self._processes.first:
            self._state.parameters = self._held()
            self._state.optimizer = self._optimizer.state()
            save(self._config.output / "checkpoints", self._state, keep=self._config.checkpoints.keep)
        self._processes.wait()

    def _held(self) -> dict[str, torch.Tensor]:
        return {name: each.detach().cpu().clone() for name, each in self._parameters.items()}

    def _become(self, held: Mapping[str, torch.Tensor]) -> None:
        with torch.no_grad():
            for name, tensor in held.items():
                self._parameters[name].copy_(tensor)


def _memory(device: torch.device) -> float | None:
    return torch.cuda.max_memory_allocated(device) / 2**30 if device.type == "cuda" else None


def _fingerprint(config: Config, data_digest: str, base: Path) -> str:
    """Settings that do not change the curve are left out: a run may go on elsewhere, and be watched otherwise."""
    settings: dict[str, Any] = json.loads(config.model_dump_json(exclude={"output", "checkpoints", "machine", "evaluation", "data"}))
    start = settings["adapters"].pop("start", None)
    if start is not None:  # wherever it lies
        settings["adapters"]["start"] = digest(Path(start))
    settings["base"] = {"sha256": checkpoint_digest(base), "precision": config.base.precision}
    return hashlib.sha256(json.dumps([settings, data_digest], sort_keys=True).encode()).hexdigest()
