"""`harness train dapt | sft | dpo`: reads a configuration, calls one function, prints. True when a run came to its end."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from harness.console import Screen
from harness.extras import needs_extra
from tasks.integrity import printable

if TYPE_CHECKING:
    from training.trainer import EvaluationReport, StepReport


def train(options: argparse.Namespace, screen: Screen) -> bool:
    """TrainingError and Interrupted are the caller's to show."""
    with needs_extra("train"):
        import torch  # noqa: F401 - so that what is missing is told before anything else is done
        import transformers  # noqa: F401

        from training.config import CONFIGS, read_config
        from training.processes import start_processes, stop_processes

    config = read_config(options.config, CONFIGS[options.action])
    if options.dry_run:
        return _dry_run(options, screen)
    processes = start_processes(config.machine.device)
    shown = _Progress(screen if processes.first and not options.quiet else Screen(quiet=True))
    try:
        from training import dapt, dpo, sft
        from training.config import DaptConfig, DpoConfig

        if isinstance(config, DaptConfig):
            outcome = dapt.train_dapt(config, processes, say=shown.say, report=shown.report)
        elif isinstance(config, DpoConfig):
            outcome = dpo.train_dpo(config, processes, say=shown.say, report=shown.report)
        else:
            outcome = sft.train_sft(config, processes, say=shown.say, report=shown.report)
    finally:
        stop_processes()
    if processes.first:
        end = "stopped early" if outcome.stopped_early else "done"
        loss = f", loss {outcome.loss:.4f}" if outcome.loss is not None else ""
        evaluation = f", best evaluation {outcome.evaluation:.4f} at step {outcome.best_step}" if outcome.evaluation is not None else ""
        screen.out.print(f"{end}: {outcome.steps} steps{loss}{evaluation}", markup=False)
        screen.out.print(f"adapter: {config.output / 'adapter'}", markup=False)
    return True


def _dry_run(options: argparse.Namespace, screen: Screen) -> bool:
    from training.config import CONFIGS, read_config
    from training.data_card import sentences as of_data
    from training.plan import make_plan
    from training.plan import sentences as of_plan

    plan = make_plan(options.action, read_config(options.config, CONFIGS[options.action]))
    for name, split in (("train", plan.card.train), ("validation", plan.card.validation)):
        for line in of_data(split) if split is not None else ():
            screen.out.print(printable(f"{name}: {line}"), markup=False)
    for line in of_plan(plan):
        screen.out.print(printable(line), markup=False)
    return True


class _Progress:
    """A line a step on stderr."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def say(self, line: str) -> None:
        self._screen.say(printable(line))

    def report(self, report: StepReport | EvaluationReport) -> None:
        watched = "".join(f", {name.replace('_', ' ')} {value:.3f}" for name, value in report.watched.items())
        from training.trainer import EvaluationReport

        if isinstance(report, EvaluationReport):
            self._screen.err.print(f"evaluation at step {report.step}: loss {report.loss:.4f}{watched}", markup=False)
            return
        mfu = f", MFU {100 * report.mfu:.1f}%" if report.mfu is not None else ""
        memory = f", {report.memory_gib:.1f} GiB" if report.memory_gib is not None else ""
        self._screen.err.print(
            f"step {report.step}/{report.steps}, epoch {report.epoch:.2f}: loss {report.loss:.4f}{watched}, rate {report.rate:.2e}, gradient {report.gradient:.3f}, "
            f"{report.tokens_per_second:,.0f} tokens/s{mfu}{memory}, {_left(report.eta_seconds)} left",
            markup=False,
        )


def _left(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
