"""The grammar of `harness leaderboard` and `harness view`. What they do is in `report_commands`."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_report_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    leaderboard = _action(commands, "leaderboard", "a report of one or many runs that opens from disk")
    leaderboard.add_argument("--output", "-o", type=Path, required=True, metavar="DIR", help="where the report goes; made again in place")

    view = _action(commands, "view", "look at runs in a browser, also while they go on")
    view.add_argument("--output", "-o", type=Path, metavar="DIR", help="where the report goes (default: report/ in the first run)")
    view.add_argument("--serve", nargs="?", type=int, const=0, metavar="PORT", help="serve it on loopback and follow runs that go on")
    view.add_argument("--no-browser", dest="browser", action="store_false", help="say where it is, open nothing")


def _action(commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, words: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=words)
    parser.set_defaults(command="report", action=name)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="a run directory")
    parser.add_argument("--plain", action="store_true", help="with each transcript as a page that needs no JavaScript too")
    return parser
