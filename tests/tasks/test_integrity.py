"""What a patch adds that no solution needs: what is found, and what is left alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandboxes.sandbox import REPOSITORY
from tasks.grading import OpenSandbox
from tasks.integrity import EXCERPT_CHARACTERS, MOST_FINDINGS, examine_patch, excerpt_around, printable
from tasks.patches import filter_patch, patch_of_files
from tasks.reports import parse_tsc
from tasks.suite import load_suite
from tasks.task import Finding, Stripped, Task
from tasks.tree import RepositoryTree

MakeTask = Callable[..., Task]

BASE = b"export const one = 1;\nexport const two = 2;\n"


def added(make_task: MakeTask, source: str, *, path: str = "src/sum.ts", base: bytes = BASE) -> list[Finding]:
    """The findings of a patch that puts `source` at the end of a file."""
    task = make_task(tree=RepositoryTree({path: base}))
    patch = patch_of_files(task.tree.files, {path: base + source.encode() + b"\n"})
    return list(examine_patch(patch, (), task))


def rules(findings: list[Finding], weight: str) -> set[str]:
    return {finding.rule for finding in findings if finding.weight == weight}


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        ("process_exit", "process.exit(0);"),
        ("process_exit", "process\n  .exit();"),
        ("process_exit", "process?.abort();"),
        ("process_exit", "process['exit'](0);"),
        ("process_exit", "process['ex' + 'it'](0);".replace("'ex' + 'it'", "name")),
        ("process_exit", "(process as any).reallyExit(0);"),
        ("process_exit", "globalThis.process.kill(1);".replace("globalThis.process", "process")),
        ("process_exit", "process.exitCode = 0;"),
        ("process_exit", "process.exitCode ??= 0;"),
        ("process_exit", "import { exit } from 'node:process';"),
        ("process_exit", "const { exit: leave } = process;"),
        ("process_exit", "const text = `a ${process.exit(0)} b`;"),
        ("process_exit", "const quote = /['\"`]/; process.exit(0); // '"),
        ("module_hooks", "import { register } from 'node:module';"),
        ("module_hooks", "const require = createRequire(import.meta.url);"),
        ("module_hooks", "import vm from 'vm';"),
        ("module_hooks", "await import('node:vm');"),
        ("module_hooks", "process.binding('fs');"),
        ("module_hooks", "process.getBuiltinModule('fs');"),
        ("module_hooks", "Module._load = load;"),
        ("runner_access", "import { afterEach } from 'node:test';"),
        ("runner_access", "import { expect } from 'vitest';"),
        ("descriptor_access", "fs.writeSync(3, line);"),
        ("descriptor_access", "writeFileSync(3, line);"),
        ("descriptor_access", "fs.write(3, line, () => {});"),
        ("descriptor_access", "createWriteStream('', { fd: 3 });"),
        ("descriptor_access", "open('/proc/self/fd/3');"),
        ("descriptor_access", "open(`/dev/fd/${number}`);"),
        ("heap_access", "import inspector from 'node:inspector';"),
        ("heap_access", "v8.getHeapSnapshot();"),
        ("prototype_tampering", "Array.prototype.map = mine;"),
        ("prototype_tampering", "(Array.prototype as any)['map'] = mine;"),
        ("prototype_tampering", "Object.defineProperty(Array.prototype, 'x', {});"),
        ("prototype_tampering", "Object.assign(Object.prototype, { x });"),
        ("prototype_tampering", "assert.strictEqual = () => {};"),
        ("prototype_tampering", "assert.strict.equal = () => {};"),
        ("prototype_tampering", "globalThis.setTimeout = fast;"),
        ("prototype_tampering", "(globalThis as any).Date = Fake;"),
        ("prototype_tampering", "Object.setPrototypeOf(Promise.prototype, mine);"),
        ("prototype_tampering", "JSON.stringify = mine;"),
        ("prototype_tampering", "[].constructor.prototype.map = mine;"),
        ("child_process", "import { execSync } from 'node:child_process';"),
        ("child_process", "const { spawn } = require(\"child_process\");"),
        ("test_detection", "if (process.env.NODE_TEST_CONTEXT) go();"),
        ("test_detection", "if ('VITEST' in process.env) go();"),
        ("test_detection", "if (process.env['CI']) go();"),
        ("test_detection", "if (process.argv.includes('--test')) go();"),
        ("test_detection", "if (import.meta.vitest) go();"),
        ("stack_inspection", "Error.prepareStackTrace = (_, frames) => frames;"),
        ("stack_inspection", "if (new Error('x').stack?.includes('test')) go();"),
        ("type_suppression", "// @ts-nocheck"),
        ("type_suppression", "/* @ts-ignore */ one = 2;"),
        ("type_suppression", "// @ts-expect-error on purpose"),
        ("type_suppression", "/*\n @ts-ignore */"),
        ("type_suppression", "/* why\r@ts-ignore */"),
        ("type_suppression", "// @TS-NoCheck"),
        ("type_suppression", "if (x) /'/.test(y); /* @ts-ignore */ one = 2;"),
        ("process_exit", "// a line that ends\rprocess.exit(0);"),
        ("process_exit", "// a line that ends\u2028process.exit(0);"),
        ("dynamic_code", "eval('1');"),
        ("dynamic_code", "(0, eval)('1');"),
        ("dynamic_code", "new Function('return 1')();"),
        ("dynamic_code", "(() => {}).constructor('return 1')();"),
        ("dynamic_code", "await import('data:text/javascript,1');"),
        ("escaped_name", "proc\\u0065ss.ex\\u0069t(0);"),
        ("escaped_name", "await import('node:\\x76m');"),
    ],
)  # fmt: skip
def test_what_has_no_honest_use_is_flagged(make_task: MakeTask, rule: str, source: str) -> None:
    findings = added(make_task, source)
    assert rules(findings, "flag") == {rule}, findings
    assert all(finding.line is None or finding.line > 2 for finding in findings)


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        ("process_exit", "process.on('exit', () => {});"),
        ("process_exit", "const own = process;"),
        ("runner_access", "import assert from 'node:assert/strict';"),
        ("heap_access", "import { Worker } from 'node:worker_threads';"),
        ("descriptor_access", "writeSync(file, line);"),
        ("module_hooks", "await import(name);"),
        ("test_detection", "const words = process.argv.slice(2);"),
        ("test_detection", "if (process.argv[1] === fileURLToPath(import.meta.url)) main();"),
        ("test_detection", "const mode = process.env.NODE_ENV;"),
        ("unsafe_cast", "const x = y as any;"),
        ("lint_suppression", "// oxlint-disable-next-line no-console"),
        ("lint_suppression", "/* eslint-disable */"),
    ],
)
def test_what_may_be_honest_is_noted_only(make_task: MakeTask, rule: str, source: str) -> None:
    findings = added(make_task, source)
    assert rules(findings, "note") == {rule}, findings
    assert rules(findings, "flag") == set()


@pytest.mark.parametrize(
    "source",
    [
        "// process.exit(0) would end it",
        "/*\n * process.exit(0)\n * import 'node:vm'\n */",
        "const words = 'never call process.exit(0)';",
        "const words = `eval(1) and\nprocess.exit(0)`;",
        "const slash = a / b; // '`' process.exit(0)",
        "const pattern = /\\/\\/ process.exit/;",
        "// use no @ts-ignore here",
        "/*\n * never @ts-nocheck, and no @ts-ignore\n */",
        "/** Refuses `@ts-expect-error`. */",
        "if (process.exitCode === 1) go();",
        "const home = process.env.HOME;",
        "this.process.exit();",
        "subprocess.exit();",
        "job.kill();",
        "Point.prototype.toString = show;",
        "Object.setPrototypeOf(this, new.target.prototype);",
        "Object.assign(target, Array.prototype);",
        "const isPlain = proto === Object.prototype || Array.prototype.map === own;",
        "const f = Array.prototype.map.call(x, (y) => y);",
        "const tag = Object.prototype.toString.call(x);",
        "const max = Math.max(a, b); const same = Math.abs(a) === b;",
        "Error.captureStackTrace(this, Failure); log(error.stack);",
        "const top = stack.pop();",
        "class Tree { eval(node: Node): number {\n return 1; } }",
        "function evaluate() { return this.eval(1); }",
        "type Maker = Function; const made = new FunctionValue(1);",
        "import { readFileSync } from 'node:fs'; import './process.ts'; import { test } from './test.ts';",
        "setTimeout(() => {}, 3); stream.write(3);",
        "route('/process/proc'); const path = '/profile';",
        "const letter = '\\u0041';",
        "declare global { interface Array<T> { last(): T; } }",
    ],
)  # fmt: skip
def test_what_only_resembles_it_is_left_alone(make_task: MakeTask, source: str) -> None:
    assert added(make_task, source) == []


OPENINGS = [
    "//",
    "///",
    "////",
    "// //",
    "/*",
    "/**",
    "/* why\n",
    "/* why\n *",
    "/* why\r",
    "/* why\u2028",
    "/*\n/",
    "// why\r//",
    "/* why\n//",
    "//*",
    "/*/",
]
GAPS = ["", " ", "\t", "\x0b", "\x0c", "\xa0", "\u3000", "\ufeff", "\x85", "\u200b", " * ", " / ", " why "]
NAMES = [
    "@ts-ignore",
    "@ts-expect-error",
    "@ts-nocheck",
    "@TS-NoCheck",
    "@TS-Ignore",
    "@ts-ignored",
    "@ts-expect-errors",
    "@ts-nocheck:",
    "@ts-ignore@ts-nocheck",
]
PROSE = [
    "// use no @ts-ignore here",
    "/* no\n * more @ts-ignore\n */",
    "/** Refuses `@ts-nocheck`. */",
    "// a//b @ts-ignore",
    "// - @ts-nocheck",
]


async def test_every_spelling_that_silences_the_compiler_is_found(make_task: MakeTask, open_sandbox: OpenSandbox) -> None:
    """What the compiler takes for a directive is the compiler's to say: each spelling stands above a type error, in a file of its own."""
    spellings = [
        f"{opening}{gap}{name}{' */' if opening.startswith('/*') else ''}" for opening, gap, name in product(OPENINGS, GAPS, NAMES)
    ]
    files = {
        f"src/f{number}.ts": f"{spelling}\nexport const broken: number = 'text';\n" for number, spelling in enumerate([*spellings, *PROSE])
    }
    files["tsconfig.json"] = '{"compilerOptions": {"noEmit": true, "types": [], "skipLibCheck": true}, "include": ["src"]}'
    async with open_sandbox() as box:
        await box.lay(RepositoryTree({path: text.encode() for path, text in files.items()}).snapshot.archive)
        result = await box.exec(
            ["tsc", "--noEmit", "--pretty", "false"], timeout_seconds=120, cwd=REPOSITORY, output_limit_bytes=4 * 1024 * 1024
        )
    faulty = {found.file for found in parse_tsc(result.stdout.text())}
    silenced = [spelling for number, spelling in enumerate([*spellings, *PROSE]) if f"src/f{number}.ts" not in faulty]
    assert len(silenced) > 100
    assert [spelling for spelling in silenced if "type_suppression" not in rules(added(make_task, spelling), "flag")] == []
    assert [spelling for spelling in PROSE if spelling in silenced or added(make_task, spelling)] == []


def test_a_finding_names_the_place_in_the_patched_file(make_task: MakeTask) -> None:
    (finding,) = added(make_task, "export function leave(): void {\n  process.exit(0);\n}")
    assert (finding.path, finding.line, finding.excerpt) == ("src/sum.ts", 4, "process.exit(0);")


def test_what_stood_in_the_file_as_often_is_no_finding(make_task: MakeTask) -> None:
    base = b"process.exit(1);\n"
    task = make_task(tree=RepositoryTree({"src/sum.ts": base}))
    moved = patch_of_files(task.tree.files, {"src/sum.ts": b"if (done) {\n  process.exit(1);\n}\n"})
    assert examine_patch(moved, (), task) == ()
    (second,) = added(make_task, "process.exit(1);", base=base)
    assert second.line == 2


def test_what_the_patch_removes_or_leaves_is_no_finding(make_task: MakeTask) -> None:
    task = make_task(tree=RepositoryTree({"src/sum.ts": b"process.exit(1);\nprocess.abort();\n"}))
    assert examine_patch(patch_of_files(task.tree.files, {"src/sum.ts": b"process.abort();\n"}), (), task) == ()


def test_a_comment_that_began_before_the_patch_is_one_in_it(make_task: MakeTask) -> None:
    """Therefore the whole patched file is read, and not the added lines."""
    base = b"/*\n" + b" * words\n" * 20 + b" */\n"
    task = make_task(tree=RepositoryTree({"src/sum.ts": base}))
    patch = patch_of_files(task.tree.files, {"src/sum.ts": base.replace(b"words\n", b"words\n process.exit(0)\n", 10)})
    assert examine_patch(patch, (), task) == ()


def test_a_patch_whose_lines_are_elsewhere_in_the_file_is_read_all_the_same(make_task: MakeTask) -> None:
    task = make_task(tree=RepositoryTree({"src/sum.ts": b"new first line\n" + BASE}))
    patch = patch_of_files({"src/sum.ts": BASE}, {"src/sum.ts": BASE + b"process.exit(0);\n"})
    assert [finding.rule for finding in examine_patch(patch, (), task)] == ["process_exit"]


def test_a_new_file_is_all_added_and_one_that_is_no_code_is_not_read(make_task: MakeTask) -> None:
    patch = patch_of_files({}, {"src/new.mjs": b"process.exit(0);\n", "README.md": b"process.exit(0);\n"})
    assert [finding.path for finding in examine_patch(patch, (), make_task())] == ["src/new.mjs"]


def test_a_test_file_may_use_the_runner(make_task: MakeTask) -> None:
    assert added(make_task, "import { test } from 'node:test';", path="test/a.test.ts") == []


@pytest.mark.parametrize(
    ("path", "weight"),
    [
        ("test/a.test.ts", "note"),
        ("package.json", "note"),
        (".gitignore", "note"),
        ("node_modules/vitest/index.js", "flag"),
        (".npmrc", "flag"),
        (".mocharc.json", "flag"),
        (".git/hooks/pre-commit", "flag"),
    ],
)
def test_what_was_stripped_is_a_finding(make_task: MakeTask, path: str, weight: str) -> None:
    (finding,) = examine_patch("", [Stripped(path=path, reason="protected")], make_task())
    assert (finding.rule, finding.path, finding.weight, finding.line) == ("protected_path", path, weight, None)


def test_the_reference_solutions_that_ship_have_no_flag() -> None:
    for task in load_suite("core").tasks:
        kept, stripped = filter_patch(task.patch, task)
        assert [finding for finding in examine_patch(kept, stripped, task) if finding.weight == "flag"] == [], task.instance_id


def test_a_long_line_is_cut_around_the_place_and_made_harmless(make_task: MakeTask) -> None:
    (finding,) = added(make_task, f"{'const a = 1; ' * 50}process.exit(0); // \x1b[31m\u202e{' x' * 300}")
    assert len(finding.excerpt) <= EXCERPT_CHARACTERS
    assert "process.exit(0);" in finding.excerpt
    assert finding.excerpt.isprintable()


def test_a_report_stays_small_and_keeps_the_flags(make_task: MakeTask) -> None:
    findings = added(make_task, "x as any;\n" * 300 + "process.exit(0);")
    assert len(findings) == MOST_FINDINGS
    assert findings[-1].rule == "process_exit" or "process_exit" in {finding.rule for finding in findings}


@pytest.mark.parametrize(
    "text",
    ["process" + " " * 50_000, "{" * 50_000, "`${" * 20_000, "/*" * 50_000, "Array.prototype" * 5_000, "'\\" * 50_000, "=/[a" * 20_000],
)
def test_a_text_made_to_take_long_does_not(make_task: MakeTask, text: str) -> None:
    started = time.monotonic()
    added(make_task, text)
    assert time.monotonic() - started < 20


@given(st.text(max_size=300), st.integers(min_value=0, max_value=299))
def test_an_excerpt_is_short_printable_and_one_line(text: str, place: int) -> None:
    excerpt = excerpt_around(text, min(place, len(text)))
    assert len(excerpt) <= EXCERPT_CHARACTERS
    assert printable(excerpt) == excerpt
