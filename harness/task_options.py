"""The grammar of `harness tasks …`. What the commands do is in `task_commands`, `synthesis_commands` and `suite_commands`."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.shared_options import add_sandbox


def add_task_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    actions = commands.add_parser("tasks", help="list, show, validate and make tasks").add_subparsers(required=True, metavar="COMMAND")

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

    synth = _action(actions, "synth", "bugs injected into a repository, each a validated task")
    _add_repository(synth)
    synth.add_argument("--limit", type=int, metavar="N", help="stop at so many tasks (default: all that there are)")
    synth.add_argument("--per-function", type=int, default=4, metavar="N", help="tasks in one function at most (default: 4)")
    synth.add_argument("--seed", type=int, default=0, metavar="N")
    synth.add_argument("--statements-by", metavar="URL", help="an OpenAI-compatible server whose model writes the statements")
    synth.add_argument("--model", metavar="NAME", help="which of its models")

    mine = _action(actions, "mine", "real fixes from a repository's history, each a validated task")
    _add_repository(mine)
    mine.add_argument("--since", metavar="DATE", help="only commits after it, as git understands dates")
    mine.add_argument("--max-files", type=int, default=3, metavar="N", help="sources that a commit may change (default: 3)")
    mine.add_argument("--max-lines", type=int, default=120, metavar="N", help="lines of sources, added and removed (default: 120)")
    mine.add_argument("--commits", type=Path, metavar="FILE", help="exactly these, one a line")
    mine.add_argument("--issues", type=Path, metavar="FILE", help="issue texts: lines of JSON with number, title and body")
    mine.add_argument("--limit", type=int, metavar="N", help="stop at so many tasks")
    mine.add_argument("--repeats", type=int, default=3, metavar="N", help="gradings with and without the fix (default: 3)")

    _add_suite_actions(actions)


def _add_suite_actions(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    bring = _action(actions, "import", "tasks of other formats, as a suite")
    formats = ["swe-bench", "multi-swe-bench", "swe-polybench", "swe-rebench", "swe-smith", "functions", "harbor", "exercism"]
    bring.add_argument("format", choices=formats)
    bring.add_argument(
        "source", metavar="SOURCE", help="rows in JSON or JSON lines, a data set's name, a Harbor directory, an Exercism track"
    )
    bring.add_argument("--output", type=Path, required=True, metavar="DIR")
    bring.add_argument("--clones", type=Path, metavar="DIR", help="where the clones of the rows' repositories are")
    bring.add_argument("--split", metavar="NAME", help="of a data set")
    bring.add_argument("--limit", type=int, metavar="N", help="only the first rows")
    bring.add_argument("--repeats", type=int, default=3, metavar="N")
    add_sandbox(bring)

    export = _action(actions, "export", "a suite in another format")
    export.add_argument("format", choices=["harbor", "swe-bench"])
    export.add_argument("tasks", nargs="*", metavar="PATTERN")
    export.add_argument("--suite", default="core")
    export.add_argument("--output", type=Path, required=True, metavar="PATH", help="a directory for Harbor, a file for SWE-bench")

    grade = _action(actions, "grade", "grade the patches of a predictions file")
    grade.add_argument("predictions", type=Path, metavar="FILE", help="JSON lines or an object by id: instance_id, model_patch")
    grade.add_argument("--suite", default="core")
    grade.add_argument("--report", type=Path, metavar="FILE", help="write SWE-bench's report there")
    grade.add_argument("--concurrency", "-n", type=int, metavar="N", help="default: 2")
    add_sandbox(grade)

    split = _action(actions, "split", "part a suite's repositories: no task of one is in two splits")
    split.add_argument("shares", nargs="+", metavar="NAME=SHARE", help="such as train=0.8 held-out=0.2")
    split.add_argument("--suite", required=True, metavar="DIR")
    split.add_argument("--seed", type=int, default=0, metavar="N")

    overlap = _action(actions, "overlap", "refuse a training set that shares something with a held-out set")
    overlap.add_argument("train", metavar="SUITE[:SPLIT]")
    overlap.add_argument("held_out", metavar="SUITE[:SPLIT]")

    stats = _action(actions, "stats", "counts by kind, difficulty, runner")
    stats.add_argument("--suite", default="core")
    stats.add_argument("--split", metavar="NAME")
    stats.add_argument(
        "--runs", type=Path, nargs="+", default=[], metavar="RUN", help="estimate the difficulties again by these runs' attempts"
    )
    stats.add_argument("--least", type=int, default=4, metavar="N", help="attempts that a task needs for that (default: 4)")
    stats.add_argument("--json", action="store_true")


def _add_repository(parser: argparse.ArgumentParser) -> None:
    """What the commands that make tasks of a repository have in common."""
    parser.add_argument("repository", type=Path, metavar="REPO", help="a clone, bare or not, or a directory")
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="the suite (default: suites/<repository>); gone on with where it is there"
    )
    parser.add_argument("--package", default="", metavar="DIR", help="one package of a monorepo, taken as the whole")
    parser.add_argument("--runner", choices=["node:test", "vitest", "jest", "mocha"], help="default: what the tests import")
    parser.add_argument("--test-files", nargs="+", default=[], metavar="PATTERN", help="which files hold tests, in .gitignore's syntax")
    parser.add_argument("--deps", type=Path, metavar="DIR", help="a package.json and a lockfile of your own choice for the environment")
    parser.add_argument("--concurrency", "-n", type=int, metavar="N", help="boxes at once (default: as many as there are cores)")
    add_sandbox(parser)


def _action(actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str, words: str) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=words)
    parser.set_defaults(command="tasks", action=name)
    return parser
