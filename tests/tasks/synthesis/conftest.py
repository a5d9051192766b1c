"""Repositories that the tests of synthesis make, and boxes to run them in."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from harness.synthesis import images
from tasks.synthesis.synth import OpenImage

PACKAGE = {
    "name": "shelf",
    "description": "Books on a shelf",
    "license": "MIT",
    "type": "module",
    "devDependencies": {"@types/node": "24.19.2", "typescript": "7.0.2"},
}
SETTINGS = {
    "compilerOptions": {
        "target": "esnext", "module": "nodenext", "moduleResolution": "nodenext", "strict": True, "noEmit": True, "skipLibCheck": True,
        "allowImportingTsExtensions": True, "types": ["node"],
    },
    "include": ["src", "test"],
}  # fmt: skip
SOURCE = """\
/** How many of the books fit on a shelf of that width. */
export function fitting(widths: readonly number[], shelf: number): number {
  if (shelf < 0) {
    throw new RangeError("a shelf has a width");
  }
  let used = 0;
  let count = 0;
  for (const width of widths) {
    if (used + width > shelf) break;
    used += width;
    count += 1;
  }
  return count;
}

/** The titles in order, without an article at the beginning. */
export function sorted(titles: readonly string[]): string[] {
  const bare = (title: string): string => title.replace(/^(?:the|a) /i, "");
  return [...titles].sort((one, other) => bare(one).localeCompare(bare(other)));
}

/** What is lent, and to whom. */
export class Loans {
  #readers = new Map<string, string>();

  lend(title: string, reader: string): boolean {
    if (this.#readers.has(title)) return false;
    this.#readers.set(title, reader);
    return true;
  }

  readerOf(title: string): string | undefined {
    return this.#readers.get(title);
  }

  /** Takes a book back; whether it was lent. */
  give(title: string): boolean {
    return this.#readers.delete(title);
  }
}
"""
CASES = [
    ("counts what fits", "assert.equal(fitting([3, 4, 5], 8), 2);"),
    ("fills a shelf to its end", "assert.equal(fitting([3, 4], 7), 2);"),
    ("has no room on a shelf of nothing", "assert.equal(fitting([1], 0), 0);"),
    ("refuses a negative width", "assert.throws(() => fitting([], -1), RangeError);"),
    ("leaves articles out of the order", "assert.deepEqual(sorted(['The Waves', 'Emma', 'A Room']), ['Emma', 'A Room', 'The Waves']);"),
    ("lends a book once", "const loans = new Loans(); assert.equal(loans.lend('Emma', 'Ann'), true); assert.equal(loans.lend('Emma', 'Bea'), false);"),
    ("knows who has a book", "const loans = new Loans(); loans.lend('Emma', 'Ann'); assert.equal(loans.readerOf('Emma'), 'Ann');"),
    ("takes a book back", "const loans = new Loans(); loans.lend('Emma', 'Ann'); assert.equal(loans.give('Emma'), true); assert.equal(loans.give('Emma'), false);"),
]  # fmt: skip
IMPORTS = {
    "node:test": "import { it } from 'node:test';\n",
    "vitest": "import { it } from 'vitest';\n",
    "jest": "import { it } from '@jest/globals';\n",
    "mocha": "",
}


def file_of_tests(runner: str, cases: list[tuple[str, str]] = CASES, source: str = "../src/shelf.ts") -> str:
    body = "".join(f"it({json.dumps(title)}, () => {{ {code} }});\n" for title, code in cases)
    return f"import assert from 'node:assert/strict';\n{IMPORTS[runner]}import {{ fitting, Loans, sorted }} from '{source}';\n\n{body}"


def shelf(runner: str = "node:test") -> dict[str, str]:
    """A repository of one source and one test file."""
    needed = {} if runner == "node:test" else {runner: "^1.0.0"}
    package = {**PACKAGE, "devDependencies": {**PACKAGE["devDependencies"], **needed}}  # type: ignore[dict-item]
    files = {
        "package.json": json.dumps(package),
        "tsconfig.json": json.dumps(SETTINGS),
        "src/shelf.ts": SOURCE,
        "test/shelf.test.ts": file_of_tests(runner),
    }
    if runner == "mocha":
        files["test/globals.d.ts"] = "declare function it(title: string, test: () => void): void;\n"
    return files


def write(root: Path, files: Mapping[str, str | bytes | None]) -> None:
    for path, content in files.items():
        place = root / path
        if content is None:
            place.unlink()
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content if isinstance(content, bytes) else content.encode())


def git(root: Path, *arguments: str) -> str:
    environment = {
        "PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b",
        "GIT_AUTHOR_DATE": "2026-05-01T10:00:00Z", "GIT_COMMITTER_DATE": "2026-05-01T10:00:00Z",
    }  # fmt: skip
    return subprocess.run(["git", *arguments], cwd=root, env=environment, check=True, capture_output=True, text=True).stdout.strip()


def commit(root: Path, message: str, files: Mapping[str, str | bytes | None]) -> str:
    """One more commit; the repository is made with the first."""
    if not (root / ".git").exists():
        root.mkdir(parents=True, exist_ok=True)
        git(root, "init", "--quiet", "--initial-branch=main")
    write(root, files)
    git(root, "add", "--all", ".")
    git(root, "commit", "--quiet", "--allow-empty", f"--message={message}")
    return git(root, "rev-parse", "HEAD")


@pytest.fixture
def make_commit() -> Callable[[Path, str, Mapping[str, str | bytes | None]], str]:
    return commit


@pytest.fixture
def make_shelf() -> Callable[..., dict[str, str]]:
    return shelf


@pytest.fixture
def make_tests() -> Callable[..., str]:
    return file_of_tests


@pytest.fixture
def write_files() -> Callable[[Path, Mapping[str, str | bytes | None]], None]:
    return write


@pytest.fixture
def open_image() -> OpenImage:
    return images("bubblewrap", lambda line: None, jobs=2)
