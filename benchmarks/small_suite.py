"""A suite of tiny tasks, made by numbers: as many repositories and tasks as are wanted, each a function of one line with one mistake.

    python -m benchmarks.small_suite DIR [--train 8] [--held-out 6] [--tasks 6] [--seed 0]

It is for seeing whether a loop learns at all: a model of some million weights can learn these, and what is held out has other repositories, names and numbers.
The splits are `train` and `held-out`. Every task is graded by hidden tests in boxes like any other.
"""

from __future__ import annotations

import argparse
import difflib
import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Final

OPERATIONS: Final = {"+": "plus", "-": "minus", "*": "times"}
WORDS: Final = (
    "amber", "birch", "cedar", "delta", "ember", "flint", "grove", "heron", "indigo", "jasper", "kestrel", "linden", "maple", "nectar",
    "otter", "pebble", "quartz", "raven", "sable", "thistle", "umber", "violet", "willow", "yarrow",
)  # fmt: skip
_TSCONFIG: Final = {
    "compilerOptions": {
        "target": "es2024", "lib": ["es2024"], "module": "nodenext", "types": ["node"], "strict": True, "erasableSyntaxOnly": True,
        "allowImportingTsExtensions": True, "noEmit": True, "skipLibCheck": True,
    },
    "include": ["src", "test"],
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Small:
    """One function: what it is to do, and what it does."""

    name: str
    operation: str
    number: int
    wrong: str

    def source(self, operation: str) -> str:
        return f"export function {self.name}(value: number): number {{\n  return value {operation} {self.number};\n}}\n"

    def result(self, value: int) -> int:
        return {"+": value + self.number, "-": value - self.number, "*": value * self.number}[self.operation]

    @property
    def file(self) -> str:
        return f"src/{self.name}.ts"

    @property
    def statement(self) -> str:
        return (
            f"`{self.name}` in {self.file} should give its value {OPERATIONS[self.operation]} {self.number}, and gives it "
            f"{OPERATIONS[self.wrong]} {self.number}.\n"
        )

    @property
    def patch(self) -> str:
        before, after = (self.source(operation).splitlines(keepends=True) for operation in (self.wrong, self.operation))
        lines = difflib.unified_diff(before, after, f"a/{self.file}", f"b/{self.file}")
        return f"diff --git a/{self.file} b/{self.file}\n" + "".join(lines)


def write_suite(directory: Path, *, train: int, held_out: int, tasks: int, seed: int = 0) -> None:
    """A directory that `harness eval --suite` takes, with so many repositories in each split, and tasks in each repository."""
    names = [f"{word}{number}" for number in range(1 + (train + held_out) // len(WORDS)) for word in WORDS]
    repositories = [name.removesuffix("0") for name in names][: train + held_out]
    draw = random.Random(seed)
    trained: set[tuple[str, str, int]] = set()
    for place, repository in enumerate(repositories):
        smalls: dict[str, _Small] = {}
        while len(smalls) < tasks:
            operation, wrong = draw.sample(sorted(OPERATIONS), 2)
            number = draw.randrange(2, 100)
            if place < train:
                trained.add((operation, wrong, number))
            elif (operation, wrong, number) in trained:  # what changes would be the same lines
                continue
            name = f"{repository}{OPERATIONS[operation].title()}{number}"
            smalls[name] = _Small(name, operation, number, wrong)
        _write_repository(directory, repository, list(smalls.values()))
        for small in smalls.values():
            _write_task(directory, repository, small)
    splits = {"train": repositories[:train], "held-out": repositories[train:]}
    lines = [f'"{name}" = {json.dumps(members)}' for name, members in splits.items()]
    head = 'name = "small"\nversion = "1"\ndescription = "Functions of one line with one mistake"\nlicence = "MIT"\n\n[splits]\n'
    (directory / "suite.toml").write_text(head + "\n".join(lines) + "\n", encoding="utf-8")


def _write_repository(directory: Path, name: str, smalls: list[_Small]) -> None:
    place = directory / "repos" / name
    test = f'import assert from "node:assert/strict";\nimport {{ it }} from "node:test";\n\nit("{name} is there", () => assert.ok(true));\n'
    files = {
        "package.json": json.dumps({"name": name, "private": True, "type": "module"}) + "\n",
        "tsconfig.json": json.dumps(_TSCONFIG, indent=2) + "\n",
        ".gitignore": "node_modules\n",
        f"test/{name}.test.ts": test,
        **{small.file: small.source(small.wrong) for small in smalls},
    }
    for file, content in files.items():
        (place / file).parent.mkdir(parents=True, exist_ok=True)
        (place / file).write_text(content, encoding="utf-8")
    about = 'description = "Small functions"\nlicence = "MIT"\nrunner = "node:test"\ntest_files = ["test/**/*.test.ts"]\n'
    (directory / "repos" / f"{name}.toml").write_text(about, encoding="utf-8")


def _write_task(directory: Path, repository: str, small: _Small) -> None:
    instance = f"{repository}-{small.name.lower()}"
    place = directory / "tasks" / instance
    test = f"test/{small.name}.test.ts"
    (place / "tests" / "test").mkdir(parents=True, exist_ok=True)
    values = [3, 11, -5]
    checks = "".join(f"  assert.equal({small.name}({value}), {small.result(value)});\n" for value in values)
    content = (
        f'import assert from "node:assert/strict";\nimport {{ it }} from "node:test";\nimport {{ {small.name} }} from "../{small.file}";\n\n'
        f'it("calculates", () => {{\n{checks}}});\nit("gives a number", () => assert.equal(typeof {small.name}(1), "number"));\n'
    )
    expected = {
        "mode": "separate",
        "flaky": [],
        "fail_to_pass": [f"{test}::calculates"],
        "pass_to_pass": [f"{test}::gives a number", f"test/{repository}.test.ts::{repository} is there"],
        "type_errors": [],
        "lint_findings": [],
    }
    task = {
        "instance_id": instance,
        "repo": repository,
        "title": f"{small.name} is wrong",
        "kind": "bug",
        "difficulty": "easy",
        "created_at": "2026-11-20",
    }
    (place / "tests" / test).write_text(content, encoding="utf-8")
    (place / "expected.json").write_text(json.dumps(expected, indent=1) + "\n", encoding="utf-8")
    (place / "task.toml").write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in task.items()), encoding="utf-8")
    (place / "problem_statement.md").write_text(small.statement, encoding="utf-8")
    (place / "gold.patch").write_text(small.patch, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--train", type=int, default=8, help="repositories")
    parser.add_argument("--held-out", type=int, default=6, help="repositories")
    parser.add_argument("--tasks", type=int, default=6, help="in each repository")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    write_suite(options.directory, train=options.train, held_out=options.held_out, tasks=options.tasks, seed=options.seed)


if __name__ == "__main__":
    main()
