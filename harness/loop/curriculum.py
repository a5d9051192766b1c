"""Which tasks a round tries: those that are sometimes solved teach most. Those always solved and never solved are drawn now and then only."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.loop.config import Curriculum

Outcomes = Mapping[str, tuple[int, int]]
"""(resolved, graded) attempts by task."""


@dataclass(frozen=True, slots=True)
class Choice:
    tasks: tuple[str, ...]
    """In the suite's order."""
    unknown: int
    """Chosen, and not judged yet."""
    between: int
    """Chosen, and solved sometimes."""
    revisited: int
    """Chosen, though always or never solved."""
    always: int
    """Of all tasks."""
    never: int


def choose(tasks: Sequence[str], rounds: Sequence[Outcomes], settings: Curriculum, seed: int) -> Choice:
    """`rounds` are the outcomes of the rounds before, the oldest first. Empty only when there are no tasks."""
    resolved = dict.fromkeys(tasks, 0)
    graded = dict.fromkeys(tasks, 0)
    for outcomes in rounds[-settings.rounds :]:
        for task, (passes, attempts) in outcomes.items():
            if task in graded:
                resolved[task] += passes
                graded[task] += attempts
    judged = {task for task in tasks if graded[task] >= settings.judged_after}
    always = {task for task in judged if resolved[task] == graded[task]}
    never = {task for task in judged if not resolved[task]}
    worth = [task for task in tasks if task not in always and task not in never]
    rest = [task for task in tasks if task in always or task in never]
    draw = random.Random(seed)  # noqa: S311 - a choice, no secret
    most = len(tasks) if settings.tasks is None else settings.tasks
    # A share of the whole that is tried, r = share * (w + r), and of no more than may be tried.
    share = settings.revisit
    revisited = min(len(worth) * share / (1 - share), share * most) if share < 1 else most
    if not worth:  # all is judged: better to look again than to stop
        revisited = min(max(1.0, share * len(rest)), most)
    revisited = min(len(rest), round(revisited))
    again = set(draw.sample(rest, revisited))
    taken = set(draw.sample(worth, min(len(worth), most - revisited)))
    return Choice(
        tasks=tuple(task for task in tasks if task in again or task in taken),
        unknown=len(taken - judged),
        between=len(taken & judged),
        revisited=revisited,
        always=len(always),
        never=len(never),
    )
