"""The grammar of `harness corpus …`. What the commands do is in `corpus_commands`."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_corpus_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    group = commands.add_parser("corpus", help="source for domain-adaptive pre-training: find it, clean it, look at it")
    actions = group.add_subparsers(required=True, metavar="COMMAND")

    collect = _action(actions, "collect", "clone GitHub's repositories that fit, at a recorded commit; again to go on")
    collect.add_argument("--output", "-o", type=Path, required=True, metavar="DIR", help="where the clones and what is known of them go")
    collect.add_argument("--config", type=Path, metavar="FILE", help="a TOML with any of the settings, such as configs/collect.toml")
    collect.add_argument("--limit", type=int, metavar="N", help="repositories, the most starred first")
    collect.add_argument("--list-only", action="store_true", help="write the list, clone nothing")

    build = _action(actions, "build", "clean source and write rows that `harness train` reads; again to go on, or after changes")
    build.add_argument(
        "places", type=Path, nargs="+", metavar="PLACE", help="a repository, a directory of them, an archive, rows (.jsonl, .parquet)"
    )
    build.add_argument("--output", "-o", type=Path, required=True, metavar="DIR")
    build.add_argument("--config", type=Path, metavar="FILE", help="a TOML with any of the settings; configs/corpus.toml has the defaults")
    build.add_argument("--tokenizer", type=Path, metavar="FILE", help="a tokenizer.json: rows of tokens, packed to --tokens")
    build.add_argument("--tokens", type=int, metavar="N", help="in a row (default: 8192)")
    build.add_argument("--seed", type=int, metavar="N")
    build.add_argument("--workers", type=int, metavar="N", help="processes (default: as many as there are cores)")
    build.add_argument("--json", action="store_true", help="the card as JSON on stdout")

    stats = _action(actions, "stats", "what a corpus holds: by repository, licence and language; what was left out and why")
    stats.add_argument("corpus", type=Path, metavar="CORPUS", help="what `build` wrote")
    stats.add_argument("--top", type=int, default=20, metavar="N", help="repositories that are listed (default: 20)")
    stats.add_argument("--json", action="store_true")

    inspect = _action(actions, "inspect", "what was left out, with the beginning of some of it; or a file, and what became of it")
    inspect.add_argument("corpus", type=Path, metavar="CORPUS")
    inspect.add_argument("--reason", metavar="TEXT", help="only removals whose stage or reason has this in it")
    inspect.add_argument("--path", metavar="PATTERN", help="files by REPOSITORY/PATH, kept ones too, such as '*/src/index.ts'")
    inspect.add_argument("--samples", type=int, default=2, metavar="N", help="of each removal (default: 2)")
    inspect.add_argument("--lines", type=int, default=12, metavar="N", help="of each file (default: 12)")
    inspect.add_argument("--json", action="store_true")


def _action(actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str, words: str) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=words, description=words[0].upper() + words[1:] + ".")
    parser.set_defaults(command="corpus", action=name, json=False)
    parser.add_argument("--quiet", "-q", action="store_true", help="no progress")
    return parser
