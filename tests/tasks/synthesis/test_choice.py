"""Which change comes next: each mutant once, few of a function, some together that were kept alone, and none that was tried before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tasks.synthesis.choice import Choice
from tasks.synthesis.ledger import Ledger
from tasks.synthesis.mutants import Mutant, MutantList, Reach

FUNCTIONS = 12
FILES = {f"src/{number}.ts": b"export const value = 0; // and more\n" for number in range(FUNCTIONS)}
ZERO = FILES["src/0.ts"].index(b"0")


def mutants(each: int) -> MutantList:
    """So many of each of twelve functions, one in a file; and of the first a twin, one that no test reaches, and a type."""
    made = [
        Mutant(
            id=f"{file}:{number}", file=f"src/{file}.ts", operator="Op", start=ZERO, end=ZERO + 1, replacement=str(number + 1), kind="bug",
            reach=f"{file}:{number}", function=f"f{file}", doc=None,
        )
        for file in range(FUNCTIONS)
        for number in range(each)
    ]  # fmt: skip
    twin = made[0].model_copy(update={"id": "0:twin"})
    lost = made[0].model_copy(update={"id": "0:lost", "reach": "nowhere"})
    typed = made[0].model_copy(update={"id": "0:typed", "kind": "types", "reach": None, "replacement": "99"})
    return MutantList(mutants=(*made, twin, lost, typed), instrumented={}, skipped={})


def reach_of(listed: MutantList) -> Reach:
    reached = {mutant.reach: (0,) for mutant in listed.mutants if mutant.reach and mutant.reach != "nowhere"}
    return Reach(test_files=("a.test.ts",), reached=reached)


class Run:
    """One run of a synthesis over the ledger of this test: every change comes to the same end."""

    def __init__(self, ledger: Ledger, each: int, **settings: Any) -> None:
        self.ledger = ledger
        listed = mutants(each)
        given: dict[str, Any] = {"type_tests": False, "limit": None, "per_function": 4, "seed": 0, **settings}
        self.choice = Choice(FILES, listed, reach_of(listed), ledger, **given)

    def walk(self, reason: str = "", failing: int = 1) -> list[tuple[str, ...]]:
        """All that is chosen, by the ids of its mutants."""
        tried = []
        for change in self.choice.changes():
            entry = {"mutants": [mutant.id for mutant in change.mutants], "reason": reason, "failing": failing}
            self.ledger.add(change.digest, entry)
            self.choice.count(change.digest, entry)
            tried.append(tuple(mutant.id for mutant in change.mutants))
        return tried


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    runs: list[Run] = []

    def made(each: int, **settings: Any) -> Run:
        for run in runs:
            run.ledger.close()
        runs.append(Run(Ledger(tmp_path / "ledger.jsonl", {}), each, **settings))
        return runs[-1]

    yield made
    for run in runs:
        run.ledger.close()


def test_each_mutant_that_a_test_reaches_is_tried_once_and_a_twin_never(begin: Callable[..., Run]) -> None:
    run = begin(2)
    assert run.choice.tally.usable == 2 * FUNCTIONS + 1  # the twin, of which nobody knows yet that it is one
    tried = run.walk(reason="no test fails")
    assert len(tried) == len(set(tried)) == 2 * FUNCTIONS
    assert not {("0:lost",), ("0:typed",)} & {*tried}
    assert run.choice.tally.reasons["no test reaches it"] == 2
    assert run.choice.tally.reasons["no test fails"] == 2 * FUNCTIONS
    assert run.choice.tally.kept == 0


def test_a_type_is_tried_where_there_are_type_tests(begin: Callable[..., Run]) -> None:
    assert ("0:typed",) in begin(1, type_tests=True).walk(reason="no test fails")


def test_no_more_of_a_function_are_kept_than_was_asked_for(begin: Callable[..., Run]) -> None:
    run = begin(5, per_function=2)
    alone = [tried[0] for tried in run.walk() if len(tried) == 1]
    assert {sum(name.startswith(f"{file}:") for name in alone) for file in range(FUNCTIONS)} == {2}
    assert run.choice.tally.reasons["enough of its function"] >= 3 * FUNCTIONS


def test_those_that_were_kept_are_combined_across_functions_one_for_every_four(begin: Callable[..., Run]) -> None:
    run = begin(2)
    together = [tried for tried in run.walk() if len(tried) > 1]
    assert len(together) == run.choice.tally.combined == 2 * FUNCTIONS // 4
    assert all(len({name.partition(":")[0] for name in tried}) == len(tried) <= 3 for tried in together)


def test_what_fails_many_tests_is_not_combined(begin: Callable[..., Run]) -> None:
    assert {len(tried) for tried in begin(2).walk(failing=6)} == {1}


def test_a_limit_ends_it_and_the_next_run_tries_nothing_again(begin: Callable[..., Run]) -> None:
    first = begin(2, limit=5)
    begun = first.walk()
    assert first.choice.tally.kept == 5
    assert first.choice.is_done
    second = begin(2, limit=9)
    assert second.choice.tally.kept == 5
    gone_on = second.walk()
    assert second.choice.tally.kept == 9
    assert not {*begun} & {*gone_on}
