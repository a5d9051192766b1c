"""The grammar of `harness tasks …`. What the commands do is in `task_commands`."""

from __future__ import annotations

import argparse

from harness.shared_options import add_sandbox


def add_task_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    actions = commands.add_parser("tasks", help="list, show and validate tasks").add_subparsers(required=True, metavar="COMMAND")

    listing = _action(actions, "list", "the tasks of a suite")
    listing.add_argument("tasks", nargs="*", metavar="PATTERN")
    listing.add_argument("--suite", default="core")
    listing.add_argument("--json", action="store_true")

    show = _action(actions, "show", "one task")
    show.add_argument("instance_id")
    show.add_argument("--suite", default="core")
    show.add_argument("--gold", action="store_true", help="with the reference solution")
    show.add_argument("--json", action="store_true")

    validate = _action(actions, "validate", "gold resolves, no patch does not, each time")
    validate.add_argument("tasks", nargs="*", metavar="PATTERN")
    validate.add_argument("--suite", default="core")
    validate.add_argument("--repeats", type=int, default=3, metavar="N")
    validate.add_argument("--concurrency", "-n", type=int, metavar="N", help="default: 2")
    add_sandbox(validate)
    validate.add_argument("--record", action="store_true", help="write what the tests say into expected.json, for new tasks")
    validate.add_argument("--quarantine", action="store_true", help="write tasks that are not valid into the suite's quarantine.toml")


def _action(actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str, words: str) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=words)
    parser.set_defaults(command="tasks", action=name)
    return parser
