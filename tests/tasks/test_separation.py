"""Tests and source in two processes: what goes between them keeps its meaning, and neither reaches the other."""

from __future__ import annotations

from pathlib import Path

import pytest

import tasks.separation
from sandboxes.sandbox import SandboxEngine
from tasks.grading import Observation, OpenSandbox, observe
from tasks.patches import patch_of_files
from tasks.programs import bring
from tasks.separation import PLACE
from tasks.task import Expected, Runner, Task
from tasks.tree import RepositoryTree
from tests.sandboxes.boxes import skip_where_uids_are_shared

APART = Path(__file__).parent / "apart"
VALUES, HOLDS, STRAY = "test/values.test.ts", "test/apart.test.ts", "test/stray.test.ts"


def files(*names: str) -> dict[str, bytes]:
    return {name: (APART / name).read_bytes() for name in names}


def task(test: bytes | str, *, runner: Runner = "node:test", source: str | None = None) -> Task:
    """A task on the library in `apart`; `test` is the name of one of its test files, or the text of a hidden test."""
    tree = files("package.json", "tsconfig.json", "src/index.ts")
    if source is not None:
        tree["src/index.ts"] = source.encode()
    name = test if isinstance(test, str) else "test/hidden.test.ts"
    hidden = files(name) if isinstance(test, str) else {name: test}
    return Task(
        instance_id="apart",
        repo="apart",
        title="Apart",
        kind="bug",
        difficulty="easy",
        created_at="2026-11-20",
        problem_statement="Nothing is to be done here at all.",
        patch=patch_of_files(tree, {"src/other.ts": b"export {};\n"}),
        test_patch=patch_of_files(tree, hidden),
        expected=Expected(mode="separate"),
        runner=runner,
        test_files=("test/**/*.test.ts",),
        test_timeout_seconds=60,
        tree=RepositoryTree(tree),
    )


async def seen_of(asked: Task, open_sandbox: OpenSandbox) -> Observation:
    return await observe(asked, asked.patch, open_sandbox)


def failures(seen: Observation) -> object:
    """What did not pass, and what the processes said; empty when all is well."""
    if seen.statuses and set(seen.statuses.values()) == {"passed"}:
        return []
    return [{test: status for test, status in seen.statuses.items() if status != "passed"}, *(run for run in seen.checks)]


@pytest.mark.parametrize("plain", [False, True], ids=["apart", "together"])
async def test_values_that_cross_keep_their_meaning(open_sandbox: OpenSandbox, *, plain: bool) -> None:
    asked = task(VALUES)
    seen = await observe(asked, asked.patch, open_sandbox, plain=plain)
    assert failures(seen) == []
    assert len(seen.statuses) == 19


async def test_values_that_cross_keep_their_meaning_in_vitest(open_sandbox: OpenSandbox) -> None:
    text = (APART / VALUES).read_text(encoding="utf-8").replace('from "node:test"', 'from "vitest"')
    text = text.partition('describe("time"')[0]  # the rest asks node:test for its own mocks
    seen = await seen_of(task(text.encode(), runner="vitest"), open_sandbox)
    assert failures(seen) == []


async def test_neither_reaches_the_other(open_sandbox: OpenSandbox, engine: SandboxEngine) -> None:
    skip_where_uids_are_shared(engine)
    seen = await seen_of(task(HOLDS), open_sandbox)
    assert (failures(seen), seen.mode) == ([], "separate")


async def test_an_error_that_the_source_throws_by_itself_fails_the_test(open_sandbox: OpenSandbox) -> None:
    seen = await seen_of(task(STRAY), open_sandbox)
    assert seen.statuses == {f"{STRAY}::goes on meanwhile": "failed"}


COMPARES = """\
import { expect, it } from "vitest";
import * as source from "../src/index.ts";
const { answer, ask, touch } = source as any;
it("equals", () => { touch?.(); expect(answer).toEqual(new Set([42])); });
it("is an instance", () => { expect(new RangeError("x")).toBeInstanceOf(ask); });
it("resolves", async () => { await expect(answer).resolves.toEqual([42]); });
"""
# Puts a name of a property into an array, where it is a name only when it is used as one.
NAMED = """\
const words = JSON as any, written = words.stringify;
words.stringify = (frame: any, ...more: any[]) => {
  let key = 0;
  for (const node of [...(frame.h ?? [])]) for (const property of node.o ?? []) if (property[0] === "asymmetric") property[0] = ["r", (key = 900_000 + node.r)];
  if (key) frame.h.unshift({ r: key, k: "arr", p: ["i", "Array.prototype"], i: ["asymmetricMatch"], o: [] });
  return written.call(JSON, frame, ...more);
};
export const answer: any = { asymmetric: () => true };
"""
# A prototype that is harmless when it comes, and becomes another's under the object that inherits from it.
LATER = """\
const far = {}, near = Object.create(far, { size: { value: 1 }, has: { value: () => true }, [Symbol.iterator]: { value: () => [].values() } });
export const answer: any = Object.setPrototypeOf(new Set(), near);
export const touch = (): void => { Object.setPrototypeOf(far, Set.prototype); };
"""


@pytest.mark.parametrize(
    ("title", "source"),
    [
        ("equals", "export const answer: any = { asymmetricMatch: () => true };"),
        ("equals", "export const answer: any = { $$typeof: Symbol.for('jest.asymmetricMatcher'), asymmetricMatch: () => true };"),
        ("equals", "export const answer: any = Object.assign(new Set(), { has: () => true });"),
        (
            "equals",
            "export const answer: any = { [Symbol.toStringTag]: 'Set', constructor: Set, size: 1, has: () => true, [Symbol.iterator]: function* () {} };",
        ),
        ("is an instance", "class Any { static [Symbol.hasInstance]() { return true; } } export const ask: any = Any;"),
        ("is an instance", "export const ask: any = Object.defineProperty(function () {}, 'prototype', { value: Object.prototype });"),
        ("equals", "export const answer: any = new Proxy({}, { get: () => () => true, has: () => true });"),
        ("equals", "process.exit(0); export const answer = 1;"),
        (
            "equals",
            "export const answer: any = {}; Object.prototype.asymmetricMatch = () => true; declare global { interface Object { asymmetricMatch: any } }",
        ),
        ("equals", "export const answer: any = Object.setPrototypeOf(new Set(), { __proto__: Set.prototype, size: 1, [Symbol.iterator]: () => [].values() });"),
        (
            "equals",
            "export const answer: any = { '@@__IMMUTABLE_SET__@@': true, size: 1, has: () => true, [Symbol.iterator]: () => [].values(), get constructor() { return Set; } };",
        ),
        ("equals", NAMED),
        ("equals", LATER),
        ("resolves", "export const answer: any = Object.defineProperty(Promise.resolve(), 'then', { value: async () => {} });"),
    ],
    ids=[
        "matcher", "jest matcher", "own has", "disguised set", "hasInstance", "prototype of everything", "proxy", "exit", "prototype", "size by prototype",
        "immutable", "name in an array", "prototype of a prototype", "own then",
    ],
)  # fmt: skip
async def test_a_value_has_no_word_in_what_it_is_compared_with(open_sandbox: OpenSandbox, title: str, source: str) -> None:
    seen = await seen_of(task(COMPARES.encode(), runner="vitest", source=source + "\nexport {};\n"), open_sandbox)
    assert seen.statuses.get(f"test/hidden.test.ts::{title}") != "passed"
    assert not seen.type_errors


async def test_an_assertion_in_a_callback_fails_the_test_whoever_catches_it(open_sandbox: OpenSandbox) -> None:
    source = "export const each = (call: (value: number) => void): void => { for (const value of [1, 2, 3]) try { call(value); return; } catch {} };\n"
    test = (
        b'import assert from "node:assert";\nimport { it } from "node:test";\nimport { each } from "../src/index.ts";\n'
        b'it("is three", () => each((value) => assert.equal(value, 3)));\n'
    )
    seen = await seen_of(task(test, source=source), open_sandbox)
    assert seen.statuses == {"test/hidden.test.ts::is three": "failed"}


async def test_frames_that_nobody_would_send_end_in_a_failure(open_sandbox: OpenSandbox) -> None:
    """The source has its pipes at hand and writes what it likes into them."""
    source = """import fs from "node:fs";
const frame = (body: object) => { const text = Buffer.from(JSON.stringify(body)); const head = Buffer.alloc(4); head.writeUInt32LE(text.length); return Buffer.concat([head, text]); };
export const forge = (which: number): number => {
  const frames = [{ re: 2, threw: false, v: 42, h: [] }, { op: "call", f: -1, t: null, a: [], id: 1, h: [] }, { re: 2, v: ["i", "Function"], h: [] }, { re: 2, v: ["r", 999], h: [] }, { op: "stop" }, { re: 2, v: { a: 1 }, h: [{ r: -1, k: "obj", o: [["__proto__", 1]] }] }, { re: 2, v: ["i", "process"], h: [] }];
  for (let descriptor = 3; descriptor < 40; descriptor += 1) try { if (fs.fstatSync(descriptor).isFIFO()) fs.writeSync(descriptor, frame(frames[which]!)); } catch {}
  return 0;
};
"""
    test = (
        b'import assert from "node:assert";\nimport { it } from "node:test";\nimport { forge } from "../src/index.ts";\n'
        b"for (let which = 1; which < 7; which += 1) it(`frame ${which}`, () => { assert.equal(forge(which), 42); });\n"
    )
    seen = await seen_of(task(test, source=source), open_sandbox)
    assert "passed" not in seen.statuses.values()


async def test_a_frame_that_cannot_be_read_to_its_end_is_the_last(open_sandbox: OpenSandbox) -> None:
    """What stands in it before the fault is not there for a frame that follows."""
    source = """const words = JSON as any, written = words.stringify;
let fault = false;
words.stringify = (frame: any, ...more: any[]) => {
  if (fault) frame.h.push({ r: 900_000, k: "obj", p: ["i", "Object.prototype"], o: 5 });
  fault = false;
  return written.call(JSON, frame, ...more);
};
const kind = { size: 2, has: () => true, [Symbol.iterator]: () => [].values(), __proto__: Set.prototype };
const liar: Set<string> = Object.setPrototypeOf(new Set(), kind);
export const first = (): Set<string> => { fault = true; return liar; };
export const second = (): Set<string> => liar;
"""
    test = (
        b'import assert from "node:assert/strict";\nimport { it } from "node:test";\nimport { first, second } from "../src/index.ts";\n'
        b'it("a", () => { assert.throws(first); assert.deepEqual(second(), new Set(["a", "b"])); });\n'
    )
    seen = await seen_of(task(test, source=source), open_sandbox)
    assert seen.statuses == {"test/hidden.test.ts::a": "failed"}


async def test_an_error_of_the_source_fails_its_own_test_alone(open_sandbox: OpenSandbox) -> None:
    """vitest looks for the files of an error's stack, which it cannot read here."""
    source = "export const fail = (): never => { throw new RangeError('no'); };\n"
    test = 'import { expect, it } from "vitest";\nimport { fail } from "../src/index.ts";\nit("a", () => { fail(); });\nit("b", () => { expect(fail).toThrow(RangeError); });\n'
    seen = await seen_of(task(test.encode(), runner="vitest", source=source), open_sandbox)
    assert seen.statuses == {"test/hidden.test.ts::a": "failed", "test/hidden.test.ts::b": "passed"}


STRIPS = """\
declare const process: { moduleLoadList: string[] };
import { it } from "node:test";
import assert from "node:assert";
import fs from "node:fs";
import { strips, reads } from "../src/index.ts";
const answer: number = 42;
it("is made into JavaScript beforehand", () => {
  assert.equal(answer, 42);
  assert.deepEqual(process.moduleLoadList.filter((name) => name.includes("amaro")), []);
  assert.equal(strips(), false);
});
it("keeps the tests' JavaScript to itself", () => {
  const made = "/run/harness/bridge/claims/tests.json";
  assert.match(fs.readFileSync(made, "utf8"), /hidden/);
  assert.throws(() => reads(made), { code: "EACCES" });
  assert.equal(typeof reads("/run/harness/bridge/source.json"), "string");
});
it("is only for what is still the same", async () => {
  fs.writeFileSync("/tmp/later.ts", "export const value: string = 'later';");
  const { value } = await import("/tmp/later.ts" as string);
  assert.equal(value, "later");
});
"""
SOURCE_THAT_STRIPS = """\
import fs from "node:fs";
declare const process: { moduleLoadList: string[] };
export const strips = (): boolean => process.moduleLoadList.some((name) => name.includes("amaro"));
export const reads = (path: string): string => fs.readFileSync(path, "utf8");
"""


async def test_typescript_is_stripped_once_and_the_source_never_reads_the_tests(open_sandbox: OpenSandbox, engine: SandboxEngine) -> None:
    skip_where_uids_are_shared(engine)
    seen = await seen_of(task(STRIPS.encode(), source=SOURCE_THAT_STRIPS), open_sandbox)
    assert failures(seen) == []


async def test_frames_of_any_kind_leave_what_is_the_tests_own_as_it_is(open_sandbox: OpenSandbox) -> None:
    async with open_sandbox() as box:
        await bring(box, Path(tasks.separation.__file__).parent / "bridge", PLACE)
        await box.write("/tmp/hostile.mjs", (APART / "hostile.mjs").read_bytes())
        for seed in range(4):
            result = await box.exec(["node", "/tmp/hostile.mjs", str(seed), "3000"], timeout_seconds=60)
            assert result.ok, result.stderr.text()
            assert int(result.stdout.text().split()[0]) > 100
