"""Tests and source in one process: what the source cannot do there, and what it still can, in live boxes."""

from __future__ import annotations

import hashlib
import hmac
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tasks.hardening
from sandboxes.sandbox import REPOSITORY
from tasks.grading import OpenSandbox, grade
from tasks.hardening import Hardening
from tasks.patches import patch_of_files
from tasks.reports import parse_sealed_report
from tasks.suite import Suite
from tasks.task import Grade, Task
from tasks.tree import RepositoryTree

PROGRAMS = Path(tasks.hardening.__file__).parent / "hardened"

TEST = """\
import assert from "node:assert/strict";
import { it } from "node:test";
import * as source from "../src/index.ts";

for (const [name, check] of Object.entries(source)) it(name, async () => assert.equal(await check(), true));
"""
"""A hidden test that asks each export for true."""


def tree_of(source: str) -> RepositoryTree:
    return RepositoryTree(
        {
            "package.json": b'{"type": "module"}\n',
            "src/index.ts": source.encode(),
            "src/common.cts": b'exports.runner = require("node:test");\n',
            "test/open.test.ts": b'import { it } from "node:test";\nit("is open", () => {});\n',
        }
    )


async def statuses(open_sandbox: OpenSandbox, source: str, test: str = TEST, more: dict[str, str] | None = None) -> dict[str, str]:
    """What the hidden test says of the source, by title; its report must be whole."""
    hidden = {"test/hidden.test.ts": test, **(more or {})}
    trusted = [*hidden, "test/open.test.ts", "package.json"]
    async with open_sandbox() as box:
        await box.lay(tree_of(source).snapshot.archive, user="grader")
        for path, text in hidden.items():
            await box.write(f"{REPOSITORY}/{path}", text.encode(), user="grader")
        hardening = Hardening(box, trusted, list(hidden))
        await hardening.prepare(["test/hidden.test.ts"])
        job = hardening.job("test/hidden.test.ts")
        result = await box.exec(job.argv, timeout_seconds=30, stdin=job.stdin, report_limit_bytes=1_000_000)
        report = parse_sealed_report(result.report.complete, file="test/hidden.test.ts", seal=job.seal)
        printed = result.stdout.text() + result.stderr.text()
        assert report.problem is None, (report.problem, result.how_it_ended(), printed)
        assert result.exit_code == 1
        for test_id, message in report.messages.items():
            print(test_id, message)  # noqa: T201 - what a failing run shows
        return {test_id.partition("::")[2]: status for test_id, status in report.statuses.items()}


LATE = """\
const { execFileSync, spawn } = require("node:child_process");
const fs = require("node:fs");
const net = require("node:net");
const job = fs.readFileSync(0);
execFileSync("mkfifo", ["/tmp/job"]);
const write = fs.openSync("/tmp/job", fs.constants.O_RDWR);
const read = fs.openSync("/tmp/job", fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
const child = spawn(process.argv[1], process.argv.slice(2), { stdio: [read, 1, 2, 3] });
new net.Socket({ fd: read, readable: false }); // makes it one that does not wait, for the child too
setTimeout(() => {
  fs.writeSync(write, job);
  fs.closeSync(write);
}, 500);
child.on("exit", (code) => process.exit(code));
"""
"""Starts a program whose stdin has nothing yet, and does not wait."""


async def test_a_job_that_comes_late_is_waited_for(open_sandbox: OpenSandbox) -> None:
    async with open_sandbox() as box:
        await box.lay(tree_of("export const yes = (): boolean => true;\n").snapshot.archive, user="grader")
        await box.write(f"{REPOSITORY}/test/hidden.test.ts", TEST.encode(), user="grader")
        hardening = Hardening(box, ["test/hidden.test.ts", "package.json"], ["test/hidden.test.ts"])
        await hardening.prepare(["test/hidden.test.ts"])
        job = hardening.job("test/hidden.test.ts")
        result = await box.exec(["node", "-e", LATE, *job.argv], timeout_seconds=30, stdin=job.stdin, report_limit_bytes=1_000_000)
        report = parse_sealed_report(result.report.complete, file="test/hidden.test.ts", seal=job.seal)
        assert report.problem is None, (report.problem, result.stderr.text())
        assert report.statuses == {"test/hidden.test.ts::yes": "passed"}


REFUSED = """\
import { EventEmitter, EventEmitterAsyncResource } from "node:events";
import * as fs from "node:fs";
import { Readable } from "node:stream";

const refuses = async (action: () => unknown): Promise<boolean> => {
  try {
    await action();
    return false;
  } catch {
    return true;
  }
};
const load = (name: string) => () => import(name);
const all = async (actions: (() => unknown)[]): Promise<boolean> => (await Promise.all(actions.map(refuses))).every(Boolean);
const own: Record<string, (...words: unknown[]) => unknown> = process as never;
const up = Object.getPrototypeOf;

export const modules = () => all([
  "test", "test/reporters", "inspector", "inspector/promises", "v8", "module", "vm", "worker_threads", "child_process", "cluster",
  "async_hooks", "diagnostics_channel", "repl", "trace_events", "wasi", "domain", "sqlite", "sea",
].map((name) => load(`node:${name}`)));
export const modulesOfText = () => all([
  () => new Function("return import('node:test')")(),
  () => (0, eval)("import('node:test')\\n//# sourceURL=file:///workspace/repo/test/hidden.test.ts"),
  load("data:text/javascript,import 'node:test'"),
]);
export const modulesOfCommonJs = () => all([load("./common.cts")]);
export const testFiles = () => all([
  "../test/hidden.test.ts", "../test/hidden.test.ts?x", "/workspace/repo/test/hidden.test.ts", "../test/%68idden.test.ts", "../test/open.test.ts",
].map(load));
export const programs = () => all([load("/run/harness/hardened/reporter.mjs"), load("/run/harness/hardened/preload.mjs")]);
export const processFunctions = () => all([
  () => own.getBuiltinModule("node:test"), () => own.binding("fs"), () => own._linkedBinding("fs"), () => own.dlopen({}, "x"), () => own.kill(1, 0),
  () => own.abort(), () => own.execve("/bin/true"), () => own.setUncaughtExceptionCaptureCallback(() => {}),
]);
export const processData = () => [process.mainModule, process.report].every((one) => one === undefined);
export const files = () => all([
  () => fs.readFileSync("/proc/self/maps"), () => fs.readFileSync("/tmp/../proc/self/cmdline"), () => fs.readFileSync("test/hidden.test.ts"),
  () => fs.readdirSync("/run/harness"), () => fs.writeFileSync("src/index.ts", ""), () => fs.writeFileSync("/workspace/repo/vitest.config.ts", ""),
  () => fs.symlinkSync("/proc/self/mem", "/tmp/memory"), () => fs.chmodSync("test/open.test.ts", 0o777),
]);
export const language = () => all([
  () => { Array.prototype.push = () => 0; }, () => { JSON.stringify = () => ""; }, () => { (globalThis as { JSON: unknown }).JSON = {}; },
  () => { Promise.prototype.then = () => Promise.resolve() as never; }, () => { Map.prototype.get = () => 0; }, () => { Object.keys = () => []; },
  () => Object.defineProperty(Array.prototype, "0", { set() {} }), () => Object.defineProperty(Object.prototype, "expectFailure", { value: true }),
  () => Object.setPrototypeOf(Array.prototype, {}), () => { Function.prototype.call = () => 0; }, () => { String.prototype.includes = () => true; },
]);
export const streams = () => all([
  () => { EventEmitter.prototype.emit = () => true; }, () => { Readable.prototype.push = () => true; }, () => { own.nextTick = () => 0; },
  () => { own.emit = () => true; }, () => { own._fatalException = () => true; }, () => { (fs as { writeSync: unknown }).writeSync = () => 0; },
  () => { up(up(new EventEmitterAsyncResource({ name: "x" }).asyncResource)).runInAsyncScope = () => 0; },
]);
"""


async def test_the_source_reaches_nothing_of_the_runner(open_sandbox: OpenSandbox) -> None:
    found = await statuses(open_sandbox, REFUSED)
    assert set(found.values()) == {"passed"}, found
    assert len(found) == 10


ALLOWED = """\
import assert, { AssertionError, strict } from "node:assert";
import { createHash } from "node:crypto";
import { EventEmitter } from "node:events";
import * as fs from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { PassThrough } from "node:stream";
import { pipeline } from "node:stream/promises";
import about from "../package.json" with { type: "json" };

class Stack extends Array<number> {
  override toString(): string {
    return "stack";
  }
}
class Own extends EventEmitter {
  emitted = 0;
}

export const emitters = () => {
  const one = new Own();
  one.emit = () => true;
  const { on } = one;
  one.on = on;
  return one.emit("x") && new EventEmitter().emit("x") === false;
};
export const subclasses = () => `${new Stack()}` === "stack" && new Stack() instanceof Array && new (class extends Error { override name = "Own"; })() instanceof Error;
export const ownNames = () => {
  const table: Record<string, unknown> = {};
  for (const name of ["toString", "constructor", "hasOwnProperty", "valueOf"]) table[name] = 1;
  return Object.keys(table).length === 4 && JSON.stringify(table).length > 40;
};
export const proxies = () => {
  const seen: unknown[] = [];
  const proxy = new Proxy({ a: 1 }, { get: (target, key) => (seen.push(key), Reflect.get(target, key)) });
  return proxy.a === 1 && seen.length === 1 && Proxy.revocable({}, {}).proxy !== undefined;
};
export const symbols = () => typeof Symbol("x") === "symbol" && Symbol.for("a") === Symbol.for("a") && [...[1]][Symbol.iterator] !== undefined;
export const assertions = () => {
  assert(true);
  strict.deepEqual({ a: 1 }, { a: 1 });
  assert.throws(() => assert.equal(1, 2), AssertionError);
  return true;
};
export const temporaryFiles = () => {
  const place = fs.mkdtempSync(`${tmpdir()}/own-`);
  fs.writeFileSync(`${place}/a`, "text");
  const text = fs.readFileSync(`${place}/a`, "utf8");
  fs.rmSync(place, { recursive: true });
  return text === "text" && fs.readFileSync("package.json", "utf8").includes("module") && about.type === "module";
};
export const streams = async () => {
  const chunks: string[] = [];
  await pipeline(["a", "b"], new PassThrough(), async (source) => {
    for await (const chunk of source) chunks.push(String(chunk));
  });
  return chunks.join("") === "ab" && createHash("sha256").update("a").digest("hex").length === 64;
};
export const servers = () =>
  new Promise<boolean>((resolve) => {
    const server = http.createServer((_, response) => response.end("yes")).listen(0, "127.0.0.1", async () => {
      const { port } = server.address() as { port: number };
      const text = await (await fetch(`http://127.0.0.1:${port}`)).text();
      server.close();
      server.closeAllConnections();
      resolve(text === "yes");
    });
  });
"""


async def test_the_source_does_all_that_honest_code_does(open_sandbox: OpenSandbox) -> None:
    found = await statuses(open_sandbox, ALLOWED)
    assert set(found.values()) == {"passed"}, found
    assert len(found) == 9


JUDGED = """\
import assert, { rejects } from "node:assert";
import strict from "node:assert/strict";
import { it } from "node:test";
import * as source from "../src/index.ts";
import { isRight } from "./right.ts";

const fails = () => { throw new source.Real("no"); };
it("Real", () => strict.throws(fails, source.Real));
it("above Real", () => strict.throws(fails, Error));
it("validator", () => strict.throws(fails, (error: Error) => error.message === "no"));
it("validator from elsewhere", () => strict.throws(fails, isRight));
it("object and pattern", () => { strict.throws(fails, { message: "no" }); strict.throws(fails, /no/); });
for (const name of ["Agrees", "Asked", "Bound", "Proxied", "Everything"]) {
  it(`throws ${name}`, () => assert.throws(fails, source[name]));
  it(`rejects ${name}`, async () => rejects(async () => fails(), source[name]));
}
it("instanceof", () => strict.ok(new Error("x") instanceof source.Asked));
it("instanceof by proxy", () => strict.ok(new Error("x") instanceof source.Proxied));
it("text", () => strict.equal(source.textOf((secret: number) => secret === 31337), "function () { [native code] }"));
it("own text", () => strict.equal(source.textOf(source.textOf).includes("String"), true));
"""
ASKED = """\
export class Real extends Error {}
export const Agrees = () => true;
export class Asked extends TypeError {
  static override [Symbol.hasInstance](): boolean {
    return true;
  }
}
export const Bound = Real.isPrototypeOf.bind(Object.prototype);
let known: PropertyKey = "";
export const Proxied = new Proxy(class extends TypeError {}, {
  get(target, key, receiver) {
    if (String(key).includes("hasInstance")) known = key;
    return String(key).includes("hasInstance") ? () => true : Reflect.get(target, key, receiver);
  },
});
for (const key of [...Reflect.ownKeys(Function.prototype), ...Object.getOwnPropertySymbols(Date), known]) {
  if (typeof key === "symbol") Object.defineProperty(Asked, key, { value: () => true, configurable: true });
}
export const Everything = Object.defineProperty(() => true, "prototype", { value: Object.prototype });
export const textOf = (made: unknown): string => String(made);
"""


async def test_an_error_is_judged_by_its_prototypes_and_by_functions_of_the_tests_alone(open_sandbox: OpenSandbox) -> None:
    found = await statuses(
        open_sandbox, ASKED, JUDGED, {"test/right.ts": 'export const isRight = (error: Error) => error.message === "no";\n'}
    )
    honest = {"Real", "above Real", "validator", "validator from elsewhere", "object and pattern", "text", "own text"}
    assert {name for name, status in found.items() if status == "passed"} == honest


LATER = """\
import { it } from "node:test";
import assert from "node:assert/strict";
import { start } from "../src/index.ts";

it("waits for what is below", async () => assert.equal(await start(), BELOW));
it("is not to be kept from failing", async () => {
  start();
  await new Promise((resolve) => setTimeout(resolve, 30));
});
const BELOW = 7;
"""
STRAY = """\
process.on("uncaughtException", () => {});
process.removeAllListeners("uncaughtException");
process.on("unhandledRejection", () => {});
let started = 0;
export const start = async (): Promise<number> => {
  if (++started === 2) setTimeout(() => { throw new Error("stray"); }, 5);
  return 7;
};
"""


async def test_errors_reach_the_runner_before_they_reach_the_source(open_sandbox: OpenSandbox) -> None:
    assert await statuses(open_sandbox, STRAY, LATER) == {"waits for what is below": "passed", "is not to be kept from failing": "failed"}


def hardened(task: Task) -> Task:
    return task.model_copy(update={"expected": task.expected.model_copy(update={"mode": "hardened"})})


@pytest.mark.parametrize("instance_id", ["sums-single", "sums-bigint"])
async def test_the_gold_patch_resolves_and_the_grade_says_how_it_was_found(
    mini: Suite, open_sandbox: OpenSandbox, instance_id: str
) -> None:
    (task,) = mini.select([instance_id]).tasks
    result = await grade(hardened(task), task.patch, open_sandbox)
    assert (result.verdict, result.mode) == ("resolved", "hardened"), result.checks
    nothing = await grade(hardened(task), "", open_sandbox)
    assert {nothing.tests[test] for test in task.expected.pass_to_pass} == {"passed"}
    assert {nothing.tests[test] for test in task.expected.fail_to_pass} == {"failed"}


async def graded(mini: Suite, open_sandbox: OpenSandbox, code: str, *, seconds: float = 60) -> Grade:
    """Of the gold patch with some code put before it."""
    (task,) = mini.select(["sums-single"]).tasks
    task = task.model_copy(update={"test_timeout_seconds": seconds})
    after = task.tree.patched(task.patch).files["src/sum.ts"]
    return await grade(hardened(task), patch_of_files(task.tree.files, {"src/sum.ts": code.encode() + after}), open_sandbox)


@pytest.mark.parametrize(
    "code",
    [
        'import { writeSync } from "node:fs";\nwriteSync(3, "{}\\n");\n',
        'import { closeSync } from "node:fs";\ncloseSync(3);\n',
        'import { closeSync, openSync } from "node:fs";\ncloseSync(3);\nopenSync("/tmp/mine", "w+");\n',
        "setTimeout(() => process.exit(1), 1);\n",
        'process.on("exit", () => { process.exitCode = 0; });\n',
    ],
    ids=["a line of its own", "no descriptor", "another descriptor", "early exit", "exit code"],
)
async def test_a_report_that_the_source_had_a_hand_in_is_no_report(mini: Suite, open_sandbox: OpenSandbox, code: str) -> None:
    """Even of a solution."""
    result = await graded(mini, open_sandbox, code, seconds=10)  # without its descriptor it never ends
    assert not result.resolved
    assert "passed" not in result.tests.values()


async def test_the_same_solution_without_such_a_hand_is_one(mini: Suite, open_sandbox: OpenSandbox) -> None:
    assert (await graded(mini, open_sandbox, "export const more = 1;\n")).resolved


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node on this machine")
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(min_size=1, max_size=64), st.lists(st.text(max_size=200), min_size=30, max_size=60))
def test_the_reporters_codes_are_those_that_the_host_expects(key: bytes, texts: list[str]) -> None:
    program = f"""
        import {{ signer }} from {json.dumps(str(PROGRAMS / "signature.mjs"))};
        import fs from "node:fs";
        const {{ key, texts }} = JSON.parse(fs.readFileSync(0, "utf8"));
        console.log(JSON.stringify(texts.map(signer(key))));
    """
    asked = json.dumps({"key": key.hex(), "texts": texts})
    done = subprocess.run(
        ["node", "--input-type=module", "--eval", program], input=asked, capture_output=True, text=True, check=True, timeout=60
    )
    assert json.loads(done.stdout) == [hmac.new(key, text.encode(), hashlib.sha256).hexdigest() for text in texts]
