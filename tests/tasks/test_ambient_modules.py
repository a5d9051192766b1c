"""Declarations of modules in a patch: in place of a package's own types they would be what a type test judges by."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest

from sandboxes.sandbox import REPOSITORY
from tasks.grading import OpenSandbox
from tasks.integrity import examine_patch
from tasks.patches import patch_of_files
from tasks.reports import parse_tsc
from tasks.task import Task
from tasks.tree import RepositoryTree

MakeTask = Callable[..., Task]

MODIFIERS = [
    "abstract", "accessor", "async", "const", "declare", "default", "export", "export default", "export declare", "extern", "global", "in", "let",
    "out", "override", "private", "protected", "public", "readonly", "static", "unique",
]  # fmt: skip
OPENINGS = [
    "module", "declare\nmodule", "declare/**/module", "declare const x: 1; declare module", "declare const x: 1\nmodule", "/* the */ declare module",
    "declare const the: 1;module", "type the = 1\tmodule", "type the = 1/**/;module", "type the = 1 /*\n*/ module",
    "the:module", "declare const x: 1; if (x) /'/; the:module", "declare const x: 1; if (x) /'\"/; the:module",
    *(f"{modifier} module" for modifier in MODIFIERS),
]  # fmt: skip
GAPS = [
    "", " ", "\t", "\n", "\r", "\x0b", "\x0c", "\xa0", "\u3000", "\ufeff", "\x85", "\u200b", "\u2028", " " * 3000, "/* so */", " // so\n", " \u200b\n/**/ ",
]  # fmt: skip
NAMES = ['"package-{}"', "'package-{}'", '"pack\\u0061ge-{}"', '"pack\\\nage-{}"']


def weights(make_task: MakeTask, source: str, *, path: str = "src/types.d.ts", types_tested: bool = True) -> list[str]:
    """Of the findings of a patch with a file of this text, which are of declared modules, in a task of which types are tested or not."""
    task = make_task(tree=RepositoryTree({}), type_test_files=("test/**/*.test-d.ts",) if types_tested else ())
    findings = examine_patch(patch_of_files({}, {path: source.encode()}), (), task)
    return [finding.weight for finding in findings if finding.rule == "ambient_module"]


async def test_every_spelling_by_which_the_compiler_takes_a_package_for_another_is_flagged(
    make_task: MakeTask, open_sandbox: OpenSandbox
) -> None:
    """What declares a module is the compiler's to say: each spelling declares a package that is not there, and a file imports it."""
    spellings = [
        f"{opening}{gap}{name.format(number)} {{ export const x: number; }}\n"
        for number, (opening, gap, name) in enumerate([*product(OPENINGS, GAPS, NAMES[:1]), *product(OPENINGS[:2], GAPS, NAMES[1:])])
    ]
    left = dict(enumerate(spellings))
    while True:
        complaints = await _complaints(open_sandbox, left)
        broken = [number for number in left if f"src/declares-{number}.d.ts" in complaints]
        if not broken:  # else the compiler looks no further than at what it cannot read
            break
        left = {number: spelling for number, spelling in left.items() if number not in broken}
    taken = [spelling for number, spelling in left.items() if f"src/imports-{number}.ts" not in complaints]
    assert len(taken) > 200
    assert [spelling for spelling in taken if weights(make_task, spelling) != ["flag"]] == []


async def _complaints(open_sandbox: OpenSandbox, spellings: dict[int, str]) -> set[str]:
    """The files in which the compiler finds something, of those that declare and those that import."""
    files = {"tsconfig.json": '{"compilerOptions": {"noEmit": true, "types": [], "skipLibCheck": true}, "include": ["src"]}'}
    files["src/refused.ts"] = 'import { x } from "package-that-nobody-declares";\nexport const y: number = x;\n'
    for number, spelling in spellings.items():
        files[f"src/declares-{number}.d.ts"] = spelling
        files[f"src/imports-{number}.ts"] = f'import {{ x }} from "package-{number}";\nexport const y: number = x;\n'
    async with open_sandbox() as box:
        await box.lay(RepositoryTree({path: text.encode() for path, text in files.items()}).snapshot.archive)
        argv = ["tsc", "--noEmit", "--pretty", "false"]
        result = await box.exec(argv, timeout_seconds=120, cwd=REPOSITORY, output_limit_bytes=4 * 1024 * 1024)
    complaints = {found.file for found in parse_tsc(result.stdout.text())}
    assert "src/refused.ts" in complaints or any(file.startswith("src/declares-") for file in complaints)
    return complaints


@pytest.mark.parametrize(
    "source",
    ["declare module '../test/kit' { interface Kit { any: any } }", "declare module './../src/../test/kit.js' {}", "declare module '../../away' {}"],
)  # fmt: skip
def test_what_a_test_is_written_with_is_no_more_the_patchs_to_extend(make_task: MakeTask, source: str) -> None:
    assert weights(make_task, source) == ["flag"]


def test_the_sources_own_types_are_and_so_is_everything_where_no_type_is_tested(make_task: MakeTask) -> None:
    assert weights(make_task, "declare module './registry.ts' { interface Registry { more: true } }") == ["note"]
    assert weights(make_task, "declare module '*.css';\n", types_tested=False) == ["note"]


@pytest.mark.parametrize(
    "source",
    [
        "// Reads the module 'fs' as it is.",
        "/* of the module\n * that `module` names */",
        "import module, { x } from 'y';",
        "import { register } from 'node:module'; import a from 'some-module'; import b from './module'",
        "const { module } = 'z';",
        "const text = `every module \"${name}\"`;",
        "use({ module: 'commonjs', 'module': x, my_module: 'x' });",
        "declare namespace module.x {}",
    ],
)  # fmt: skip
def test_what_only_speaks_of_modules_is_left_alone(make_task: MakeTask, source: str) -> None:
    assert weights(make_task, source, path="src/plain.ts") == []
