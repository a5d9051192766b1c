"""`harness corpus …`: each calls one function and prints what it says. True when all is as it should be."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from harness.console import Screen
from harness.extras import needs_extra
from tasks.integrity import printable

if TYPE_CHECKING:
    from training.corpus.build import Built
    from training.corpus.settings import CorpusSettings


def _collect(options: argparse.Namespace, screen: Screen) -> bool:
    from training.corpus.collect import collect
    from training.corpus.collect_settings import read_collect_settings

    settings = read_collect_settings(options.config)
    if options.limit is not None:
        settings = settings.replaced(limit=options.limit)
    outcome = collect(settings, options.output, token=os.environ.get("GITHUB_TOKEN"), clone=not options.list_only, say=screen.say)
    screen.out.print(
        f"{options.output}: {outcome.listed} repositories listed, {outcome.cloned} cloned now, {outcome.present} were there, "
        f"{outcome.left_out} left out, {outcome.failed} failed",
        markup=False,
    )
    for line in outcome.complaints:
        screen.say(printable(line))
    return not outcome.failed


def _build(options: argparse.Namespace, screen: Screen) -> bool:
    with needs_extra("corpus"):
        from training.corpus.build import build

    built = build(options.places, options.output, _settings(options), workers=options.workers or os.cpu_count() or 1, say=screen.say)
    if options.json:
        print(built.card.model_dump_json(indent=1))
    else:
        _show_build(options, built, screen)
    return bool(built.card.rows)


def _settings(options: argparse.Namespace) -> CorpusSettings:
    from training.corpus.settings import read_settings

    settings = read_settings(options.config)
    rows = {"tokenizer": options.tokenizer, "tokens": options.tokens}
    return settings.replaced(
        rows={name: value for name, value in rows.items() if value is not None},
        **({} if options.seed is None else {"seed": options.seed}),
    )


def _show_build(options: argparse.Namespace, built: Built, screen: Screen) -> None:
    card = built.card
    rows = [(stage, reason, str(count)) for stage, counts in card.removed.items() for reason, count in counts.items()]
    if rows:
        screen.table(("left out by", "because", "files"), [(stage, printable(reason), count) for stage, reason, count in rows])
    replaced = sum(card.secrets.values())
    screen.out.print(
        f"{options.output}: {sum(card.kept.values()):,} files, {card.rows:,} rows"
        + (f", {card.tokens:,} tokens" if card.tokens else "")
        + f" in {len(card.files)} shards of {card.kept_bytes / 1e6:,.1f} MB source; {replaced:,} secrets and personal data replaced",
        markup=False,
    )
    screen.say(
        f"{built.read_bytes / 1e6:,.1f} MB read; pieces cleaned: {built.cleaned}, as they were: {built.found}; parts written: {built.written}"
    )


def _stats(options: argparse.Namespace, screen: Screen) -> bool:
    with needs_extra("corpus"):
        from training.corpus.inspection import statistics

    shown = statistics(options.corpus, top=options.top)
    if options.json:
        print(json.dumps(shown, indent=1))
        return True
    unit = "tokens" if shown["tokens"] else "bytes"
    for title in ("repositories", "licences", "languages"):
        rows = [(printable(each["name"]), f"{each['files']:,}", f"{each[unit]:,}") for each in shown[title]]
        screen.table((title, "files", unit), rows)
    removed = [(each["stage"], printable(each["reason"]), f"{each['files']:,}", f"{each['bytes']:,}") for each in shown["removed"]]
    screen.table(("left out by", "because", "files", "bytes"), removed)
    screen.table(("replaced", "times"), [(kind, f"{count:,}") for kind, count in shown["secrets"].items()])
    screen.out.print(f"{shown['files']:,} files, {shown['bytes']:,} bytes, {shown['rows']:,} rows, {shown['tokens']:,} tokens")
    return True


def _inspect(options: argparse.Namespace, screen: Screen) -> bool:
    with needs_extra("corpus"):
        from training.corpus.inspection import files_like, removals

    if options.path is not None:
        found: list[dict[str, Any]] = files_like(options.corpus, options.path)
    else:
        found = removals(options.corpus, reason=options.reason, samples=options.samples)
    if options.json:
        print(json.dumps(found, indent=1))
        return bool(found)
    for each in found:
        verdict = "kept" if each["kept"] else f"{each['stage']}: {each['reason']}"
        place = f"{each['repository']}: {each['path']}"
        about = ", ".join(str(part) for part in (each["licence"], each["detail"], each["secrets"]) if part)
        screen.out.print(printable(f"{verdict} | {place}{f' ({about})' if about else ''}"), markup=False, highlight=False)
        for line in (each["excerpt"] or "").splitlines()[: options.lines]:
            screen.out.print(f"    {printable(line)}", markup=False, highlight=False)
    if not found:
        screen.say("nothing of the corpus is like that")
    return bool(found)


ACTIONS: Final[Mapping[str, Callable[[argparse.Namespace, Screen], bool]]] = {
    "collect": _collect,
    "build": _build,
    "stats": _stats,
    "inspect": _inspect,
}
