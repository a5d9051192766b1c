"""The grammar of `harness loop …`. What the commands do is in `loop_commands`."""

from __future__ import annotations

import argparse
from pathlib import Path

_ACTIONS = ("run", "status", "resume", "report", "gc")


def add_loop_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    words = "rounds of sampling, training and evaluating: harness loop LOOP.toml"
    actions = commands.add_parser("loop", help=words).add_subparsers(required=True, metavar="LOOP.toml | COMMAND")
    for name, help_ in (("run", "begin a loop, or go on with it"), ("resume", "the same: go on with a loop that was stopped")):
        run = _action(actions, name, help_)
        run.add_argument("--dry-run", action="store_true", help="print the plan; nothing is started")
        run.add_argument("--quiet", "-q", action="store_true", help="no progress")
    status = _action(actions, "status", "what is done, and what it has cost")
    status.add_argument("--json", action="store_true")
    report = _action(actions, "report", "pages: the rounds' curve, gains and regressions, data and time")
    report.add_argument("--output", "-o", type=Path, metavar="DIR", help="default: report/ in the loop's directory")
    removal = _action(
        actions, "gc", "remove what nobody needs: checkpoints, models that are not the best, what was done with other settings"
    )
    removal.add_argument("--dry-run", action="store_true", help="only say what")


def with_run(arguments: list[str]) -> list[str]:
    """`loop LOOP.toml` is `loop run LOOP.toml`."""
    if len(arguments) > 1 and arguments[0] == "loop" and arguments[1] not in (*_ACTIONS, "-h", "--help"):
        return ["loop", "run", *arguments[1:]]
    return arguments


def _action(actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str, words: str) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=words)
    parser.set_defaults(command="loop", action=name)
    parser.add_argument("loop", type=Path, metavar="LOOP.toml", help="the loop's file; a complete example is examples/loop.toml")
    return parser
