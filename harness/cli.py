"""The command line. Each command parses, calls one function, prints; what it needs is imported when it is called.

Exit codes: 0 done; 1 done, and something is not as it should be (attempts without a grade, tasks that are not valid, an unfit machine, a cheat that counts);
2 wrong input or a missing requirement, said in one line; 3 the infrastructure stopped the run; 130 interrupted.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import shlex
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from harness.loop_options import with_run
from harness.options import build_parser

if TYPE_CHECKING:
    from harness.console import Screen

T = TypeVar("T")

KEPT = "interrupted; what is finished is kept, to go on: {again}"

OK, NOT_AS_IT_SHOULD_BE, WRONG_INPUT, STOPPED, INTERRUPTED = 0, 1, 2, 3, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of `harness`."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    own, more = _split(with_run(arguments))
    parser = build_parser()
    options = parser.parse_args(own)
    if more and not hasattr(options, "more"):
        parser.error(f"unrecognized arguments: -- {shlex.join(more)}")
    if more:
        options.more = more
    options.again = shlex.join(["harness", *arguments])
    with _one_line_errors() as status:
        return COMMANDS[options.command](options)
    return status[0]


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """What is ours, and what stands after `--` for another program."""
    if "--" not in arguments:
        return arguments, []
    place = arguments.index("--")
    return arguments[:place], arguments[place + 1 :]


@contextlib.contextmanager
def _one_line_errors() -> Iterator[list[int]]:
    """Errors that a person can do something about, in one line. All others are bugs and keep their traceback."""
    from harness.config import ConfigError
    from leaderboard.errors import LeaderboardError
    from sandboxes.sandbox import SandboxError
    from tasks.errors import TaskError
    from training.errors import TrainingError
    from trajectories.errors import TrajectoryError
    from trajectories.store import StoreError

    status = [OK]
    try:
        yield status
    except (ConfigError, LeaderboardError, SandboxError, StoreError, TaskError, TrainingError, TrajectoryError) as error:
        _screen().error(str(error))
        status[0] = WRONG_INPUT
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # whoever read our output has seen enough
        status[0] = OK


def _screen(*, quiet: bool = False) -> Screen:
    from harness.console import Screen

    return Screen(quiet=quiet)


def _eval(options: argparse.Namespace) -> int:
    from harness.eval_commands import evaluate_suite
    from harness.run import RunStoppedError

    screen = _screen(quiet=options.quiet)
    try:
        return OK if _run_async(evaluate_suite(options, screen)) else NOT_AS_IT_SHOULD_BE
    except RunStoppedError as error:
        screen.error(f"{error}; what is finished is kept, to go on: {options.again}")
        return STOPPED
    except (KeyboardInterrupt, asyncio.CancelledError):
        screen.error(KEPT.format(again=options.again))
        return INTERRUPTED


def _images_build(options: argparse.Namespace) -> int:
    from harness.config import ConfigError
    from harness.engines import choose_engine

    screen = _screen()
    try:
        engine = choose_engine(options.sandbox or "auto", options.image, screen.say)
    except KeyError as error:
        raise ConfigError(f"there is no image {options.image!r}; see `harness images list`") from error

    async def work() -> None:
        try:
            await engine.start()
        finally:
            await engine.close()

    _run_async(work())
    screen.out.print(f"{options.image} for {engine.name}: {engine.image}")
    return OK


def _images_list(options: argparse.Namespace) -> int:
    from harness.engines import built_images

    _screen().table(("image", "recipe", "backend", "built as"), built_images())
    return OK


def _review(options: argparse.Namespace) -> int:
    from harness.config import ConfigError
    from harness.review import decide, flagged_trials

    screen = _screen()
    note = (options.note or "").strip()
    if options.decision is None:
        if options.note is not None:
            raise ConfigError("--note goes with --clear or --confirm")
        screen.flagged(flagged_trials(options.run, options.trial))
        return OK
    if options.trial is None or not note:
        raise ConfigError(
            f"--{options.decision} needs a trial and a reason: harness review RUN INSTANCE#ATTEMPT --{options.decision} --note TEXT"
        )
    result, summary = decide(options.run, options.trial, options.decision, note)
    screen.decided(result, summary)
    return OK


def _attacks(options: argparse.Namespace) -> int:
    from harness.attack_commands import ACTIONS

    return _act(ACTIONS, options, "interrupted")


def _tasks(options: argparse.Namespace) -> int:
    """Each file loads what its own commands need, and no more: a list of tasks is there at once."""
    if options.action in ("list", "show", "validate"):
        from harness.task_commands import ACTIONS
    elif options.action in ("synth", "mine"):
        from harness.synthesis_commands import ACTIONS
    else:
        from harness.suite_commands import ACTIONS

    return _act(ACTIONS, options, KEPT)


def _corpus(options: argparse.Namespace) -> int:
    from harness.corpus_commands import ACTIONS

    return _act(ACTIONS, options, KEPT)


def _trajectories(options: argparse.Namespace) -> int:
    from harness.trajectory_commands import ACTIONS

    return _act(ACTIONS, options, "interrupted; nothing is written")


def _export(options: argparse.Namespace) -> int:
    from harness.export_commands import ACTIONS

    return _act(ACTIONS, options, "interrupted")


def _report(options: argparse.Namespace) -> int:
    from harness.report_commands import ACTIONS

    return _act(ACTIONS, options, "interrupted")


def _serving(options: argparse.Namespace) -> int:
    from harness.serve_commands import ACTIONS

    return _act(ACTIONS, options, "stopped")


def _loop(options: argparse.Namespace) -> int:
    from harness.loop.errors import LoopStoppedError
    from harness.loop_commands import ACTIONS

    try:
        return _act(ACTIONS, options, KEPT)
    except LoopStoppedError as error:
        _screen().error(f"{error}\nwhat is done is kept; to go on: {options.again}")
        return STOPPED


def _act(actions: Mapping[str, Callable[[argparse.Namespace, Screen], Any]], options: argparse.Namespace, interrupted: str) -> int:
    """Do what a group of commands has under the name of the action, awaited where it is asynchronous; True when all is as it should be."""
    screen = _screen(quiet=getattr(options, "quiet", False))
    try:
        done = actions[options.action](options, screen)
        return OK if (_run_async(done) if asyncio.iscoroutine(done) else done) else NOT_AS_IT_SHOULD_BE
    except (KeyboardInterrupt, asyncio.CancelledError):
        screen.error(interrupted.format(again=options.again))
        return INTERRUPTED


def _train(options: argparse.Namespace) -> int:
    from harness.train_commands import train
    from training.interruption import Interrupted

    screen = _screen(quiet=options.quiet)
    try:
        return OK if train(options, screen) else NOT_AS_IT_SHOULD_BE
    except Interrupted as stopped:
        screen.error(f"interrupted {stopped}; a checkpoint is written, to go on: {options.again}")
        return INTERRUPTED
    except KeyboardInterrupt:
        screen.error(f"interrupted; the last checkpoint is kept, to go on: {options.again}")
        return INTERRUPTED


def _chat(options: argparse.Namespace) -> int:
    from harness.chat_commands import chat

    try:
        return OK if chat(options, _screen()) else NOT_AS_IT_SHOULD_BE
    except KeyboardInterrupt:
        return INTERRUPTED


def _gc(options: argparse.Namespace) -> int:
    from harness.engines import sweep_all

    screen = _screen()
    swept = _run_async(sweep_all(screen.say))
    screen.out.print(f"removed {len(swept)} left-over boxes" + (f": {', '.join(swept)}" if swept else ""))
    return OK


def _doctor(options: argparse.Namespace) -> int:
    from harness.doctor_commands import ACTIONS

    return _act(ACTIONS, options, "interrupted")


def _run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end; SIGTERM ends it as Ctrl-C does: boxes are closed, finished trials are kept."""

    async def until_terminated() -> T:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await work

    return asyncio.run(until_terminated())


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "eval": _eval,
    "tasks": _tasks,
    "images build": _images_build,
    "images list": _images_list,
    "review": _review,
    "attacks": _attacks,
    "export": _export,
    "trajectories": _trajectories,
    "corpus": _corpus,
    "report": _report,
    "train": _train,
    "chat": _chat,
    "serving": _serving,
    "loop": _loop,
    "gc": _gc,
    "doctor": _doctor,
}


if __name__ == "__main__":
    sys.exit(main())
