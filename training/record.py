"""What a run leaves for people: metrics.jsonl, one line a step or evaluation, and TensorBoard's events."""

from __future__ import annotations

import importlib.util
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.config import Config, to_toml
from training.errors import TrainingError

if TYPE_CHECKING:
    from training.trainer import EvaluationReport, StepReport

METRICS = "metrics.jsonl"


class RunRecord:
    """Goes on after `step`: what a lost stretch of the run wrote behind it is taken away."""

    def __init__(self, config: Config, *, step: int, writes: bool) -> None:
        self._lines: Any = None
        self._board: Any = None
        if not writes:
            return
        check_record(config)
        config.output.mkdir(parents=True, exist_ok=True)
        (config.output / "config.toml").write_text(to_toml(config), encoding="utf-8")
        file = config.output / METRICS
        kept = [line for line in read_metrics(config.output) if line["step"] <= step] if step else []
        beside = file.with_name(f".{file.name}.partial")
        beside.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")
        beside.replace(file)
        self._lines = open(file, "a", encoding="utf-8", buffering=1)  # noqa: SIM115 - for the whole run
        if config.machine.tensorboard:
            from torch.utils.tensorboard import SummaryWriter

            self._board = SummaryWriter(str(config.output / "tensorboard"), purge_step=step + 1 if step else None)

    def step(self, report: StepReport) -> None:
        self._write("step", asdict(report), report.step)

    def evaluation(self, report: EvaluationReport) -> None:
        self._write("evaluation", asdict(report), report.step)

    def close(self) -> None:
        if self._lines is not None:
            self._lines.close()
        if self._board is not None:
            self._board.close()

    def _write(self, kind: str, values: dict[str, Any], step: int) -> None:
        if self._lines is not None:
            self._lines.write(json.dumps({"kind": kind, **values}) + "\n")
        if self._board is not None:
            flat = {**values, **values["watched"]}
            for name, value in flat.items():
                if isinstance(value, int | float) and not isinstance(value, bool) and name not in ("step", "steps"):
                    self._board.add_scalar(f"{kind}/{name}", value, step)


def check_record(config: Config) -> None:
    """TrainingError when a run could not leave anything there, or not what it is asked to leave."""
    there = next(place for place in (config.output, *config.output.parents) if place.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise TrainingError(
            f"output is {config.output}, and {there} is {'not to be written to' if there.is_dir() else 'a file'}: give another"
        )
    if config.machine.tensorboard and importlib.util.find_spec("tensorboard") is None:
        raise TrainingError("machine.tensorboard needs the library tensorboard: install it, or set it to false")


def read_metrics(directory: Path) -> list[dict[str, Any]]:
    """The lines of a run; a last one that was cut off is left out."""
    try:
        text = (directory / METRICS).read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    lines = []
    for line in text.splitlines():
        try:
            lines.append(json.loads(line))
        except ValueError:
            break
    return lines
