"""Mutants: what the sources are with them, in UTF-16 units and the file's own line ends; what the programs list in their box."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tasks.synthesis.mutants import Mutant, Reach, change_of, in_turn, list_mutants
from tasks.tree import RepositoryTree


def mutant(name: str, start: int, end: int, replacement: str, **more: Any) -> Mutant:
    given: dict[str, Any] = {"file": "a.ts", "operator": "Op", "kind": "bug", "reach": None, "function": None, "doc": None}
    return Mutant(id=name, start=start, end=end, replacement=replacement, **(given | more))


def test_places_are_counted_in_utf_16_units() -> None:
    files = {"a.ts": "const s = '🙂é'; f(1);\n".encode()}
    start = len("const s = '🙂é'; f(".encode("utf-16-le")) // 2
    change = change_of([mutant("0:1", start, start + 1, "2")], files)
    assert change is not None
    assert change.files == {"a.ts": "const s = '🙂é'; f(2);\n".encode()}


def test_a_replacement_has_the_line_ends_of_its_file() -> None:
    change = change_of([mutant("0:1", 0, 1, "{\n}")], {"a.ts": b"x\r\ny\r\n"})
    assert change is not None
    assert change.files == {"a.ts": b"{\r\n}\r\ny\r\n"}


def test_several_in_one_file_are_laid_from_its_end_and_those_that_touch_are_none() -> None:
    files = {"a.ts": b"abcdef\n", "b.ts": b"x\n"}
    both = change_of([mutant("0:1", 0, 1, "AAA"), mutant("0:2", 3, 5, "D"), mutant("1:1", 0, 1, "y", file="b.ts")], files)
    assert both is not None
    assert both.files == {"a.ts": b"AAAbcDf\n", "b.ts": b"y\n"}
    assert change_of([mutant("0:1", 0, 4, "A"), mutant("0:2", 3, 5, "D")], files) is None
    assert change_of([mutant("0:1", 6, 7, " \n")], files) is None  # white space alone
    assert change_of([mutant("0:1", 0, 1, "a")], files) is None  # nothing is changed


def test_a_duplicate_is_known_whatever_its_white_space() -> None:
    files = {"a.ts": b"f(1, 2);\n"}
    one = change_of([mutant("0:1", 2, 3, "3")], files)
    same = change_of([mutant("0:2", 0, 8, "f(3,\n  2);")], files)
    assert one is not None
    assert same is not None
    assert one.digest == same.digest


def test_the_order_is_the_seed_s_and_takes_the_operators_in_turn() -> None:
    many = [mutant(f"0:{n}", n, n + 1, "x", operator="Often" if n < 90 else "Seldom") for n in range(100)]
    first = in_turn(many, seed=1)
    assert first == in_turn(many, seed=1)
    assert first != in_turn(many, seed=2)
    assert sum(one.operator == "Seldom" for one in first[:50]) in range(3, 8)


def test_a_mutant_is_reached_by_the_files_whose_tests_or_load_reach_it() -> None:
    reach = Reach(test_files=("t/a.ts", "t/b.ts"), reached={"0:1": (0,), "0:2": (1,)}, loaded={"0": (0, 1)})
    assert reach.files(mutant("0:1", 0, 1, "", reach="0:1")) == ["t/a.ts"]
    assert reach.files(mutant("0:X", 0, 1, "", reach="0:2")) == ["t/b.ts"]
    assert reach.files(mutant("0:X", 0, 1, "", reach="0:3")) == []
    assert reach.files(mutant("0:X", 0, 1, "", reach=None)) == ["t/a.ts", "t/b.ts"]


SOURCE = """\
import type { Kind } from "./kind.ts";

/** Reads one. */
export async function read(name: string, size: number): Promise<string> {
  if (size < 0) {
    throw new RangeError("size");
  }
  const kind: "one" | "other" = name.length > 3 ? "one" : "other";
  const text = await load(name, size);
  switch (kind) {
    case "one":
      return text;
    default:
      return text.slice(1);
  }
}

export type Only<T extends object> = { readonly [K in keyof T]: T[K] };
export const load = async (name: string, size: number): Promise<string> => (typeof name === "string" && size > 0 ? name : "");
"""


@pytest.mark.slow
async def test_the_programs_list_stryker_s_mutants_and_ours(open_image: Callable[..., Any]) -> None:
    files = {"src/read.ts": SOURCE.encode(), "src/broken.ts": b"export const = ;\n", "package.json": b"{}"}
    async with open_image("synthesis") as open_sandbox, open_sandbox() as box:
        listed = await list_mutants(box, RepositoryTree(files), ["src/broken.ts", "src/read.ts"])
    assert set(listed.skipped) == {"src/broken.ts"}
    by_operator: dict[str, list[Mutant]] = {}
    for one in listed.mutants:
        by_operator.setdefault(one.operator, []).append(one)
        assert change_of([one], files) is not None
    assert {"ConditionalExpression", "EqualityOperator"} <= set(by_operator)  # Stryker's
    assert {"DroppedAwait", "SwappedArguments", "OffByOne", "WeakenedNarrowing", "WidenedUnion", "LostExhaustiveness", "WrongConstraint",
            "RemovedGuard", "RemovedBody"} <= set(by_operator)  # fmt: skip
    assert "StringLiteral" not in by_operator
    body = by_operator["RemovedBody"][0]
    assert (body.function, body.doc, body.kind) == ("read", "Reads one.", "feature")
    assert "throw new Error" in body.replacement
    made = change_of([body], files)
    assert made is not None
    assert b"/** Reads one. */" in made.files["src/read.ts"]
    assert by_operator["WidenedUnion"][0].kind == "types"
    assert by_operator["RemovedGuard"][0].reach is not None
    assert 'stryCov_9fa48("' in listed.instrumented["src/read.ts"]
