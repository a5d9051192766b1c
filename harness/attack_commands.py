"""`harness attacks`: cheats through the grader, and what is printed of how they came out."""

from __future__ import annotations

import argparse
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from harness.attacks import MODES, SHIPPED, Outcome, load_attacks, matrix, shortcomings, trials, try_attacks
from harness.config import ConfigError
from harness.console import Screen


async def _attacks(options: argparse.Namespace, screen: Screen) -> bool:
    """True when all came out as they should."""
    say = (lambda line: None) if options.json else screen.say
    modes = list(dict.fromkeys(options.mode or MODES))
    if unknown := [mode for mode in modes if mode not in MODES]:
        raise ConfigError(f"there is no mode {unknown[0]!r}; there are: {', '.join(MODES)}")
    attacks = load_attacks(options.cases or SHIPPED, options.case)
    planned = len(trials(attacks, modes))
    done = 0

    def tell(outcome: Outcome) -> None:
        nonlocal done
        done += 1
        say(f"[{done}/{planned}] {outcome.slug} with {outcome.runner}, {outcome.mode}: {outcome.word}")

    outcomes = await try_attacks(attacks, backend=options.sandbox or "auto", modes=modes, say=say, on_outcome=tell)
    held = sum(outcome.held for outcome in outcomes)
    if options.json:
        shown = {"held": held == planned, "outcomes": [outcome.model_dump(mode="json") for outcome in outcomes]}
        print(json.dumps({**shown, "shortcomings": shortcomings(outcomes)}, indent=1))
    else:
        screen.table(*matrix(outcomes))
        for sentence in shortcomings(outcomes):
            screen.out.print(sentence, markup=False)
        screen.out.print(f"{held} of {planned} came out as they should")
    return held == planned


ACTIONS: Final[Mapping[str, Callable[[argparse.Namespace, Screen], Awaitable[bool]]]] = {"attacks": _attacks}
