"""A function to complete, as HumanEval, MBPP and MultiPL-E have it: a repository of one source, whose tests are one file.

A row has `prompt` (the head of the function with its documentation) and `tests` or `test`; `canonical_solution` or `solution` is the body.
A row without a solution has nothing to be validated by: it is refused. Python rows would run in a Python image, which the house has none of.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from tasks.errors import TaskError
from tasks.importers.foreign import Foreign, identifier, text_of
from tasks.patches import patch_of_files

_SOURCE: Final = "src/solution.ts"
_TEST: Final = "test/solution.test.ts"
_SETTINGS: Final = {
    "compilerOptions": {
        "target": "esnext", "module": "nodenext", "moduleResolution": "nodenext", "strict": False, "noEmit": True, "skipLibCheck": True,
        "allowImportingTsExtensions": True, "types": ["node"],
    },
    "include": ["src", "test"],
}  # fmt: skip
_NAME: Final = re.compile(r"(?:function|const|let)\s+([A-Za-z_$][\w$]*)")
_ASSERTED: Final = re.compile(
    r"^\s*(?:declare var require: any;|(?:const|let|var)\s+assert\s*=\s*require\([^)]*\);|import .*assert.*;)\s*$", re.MULTILINE
)


def read_function_row(row: Mapping[str, Any]) -> Foreign:
    """TaskError: not TypeScript, or a part is missing."""
    name = str(row.get("name") or row.get("task_id") or "")
    language = str(row.get("language") or row.get("lang") or "ts").lower()
    if not name:
        raise TaskError("a row has neither 'name' nor 'task_id'")
    prompt = text_of(row, "prompt")
    if language in ("py", "python") or re.search(r"^\s*def \w+\(.*:\s*$", prompt, re.MULTILINE):
        raise TaskError(f"{name}: it is a Python function, and there is no Python image here; give the TypeScript rows")
    tests = text_of(row, "tests" if "tests" in row else "test")
    solution = row.get("canonical_solution") or row.get("solution")
    if not isinstance(solution, str) or not solution.strip():
        raise TaskError(f"{name}: it has no canonical_solution: without one it cannot be known that the task is fair")
    whole = solution if _NAME.search(solution) and solution.lstrip().startswith(("function", "const", "export")) else prompt + solution
    whole = whole.rstrip() + ("\n" if _is_closed(whole) else "\n}\n")
    function = row.get("entry_point") or (_NAME.findall(prompt) or [None])[-1]
    if not function:
        raise TaskError(f"{name}: its prompt names no function")
    empty = prompt.rstrip() + '\n  throw new Error("not implemented");\n}\n'
    files = {
        "package.json": (
            json.dumps({"name": identifier(name), "private": True, "type": "module", "license": "unknown"}, indent=2) + "\n"
        ).encode(),
        "tsconfig.json": (json.dumps(_SETTINGS, indent=2) + "\n").encode(),
        _SOURCE: _exported(empty, function).encode(),
        "test/loads.test.ts": (
            f"import assert from 'node:assert/strict';\nimport {{ test }} from 'node:test';\nimport {{ {function} }} from '../{_SOURCE}';\n\n"
            f"test('is a function', () => {{\n  assert.equal(typeof {function}, 'function');\n}});\n"
        ).encode(),
    }
    text = (
        f"import assert from 'node:assert';\nimport {{ test as check }} from 'node:test';\nimport {{ {function} }} from '../{_SOURCE}';\n\n"
        "check('does what its documentation says', async () => {\n" + _indented(_ASSERTED.sub("", tests)) + "\n});\n"
    )
    return Foreign(
        format="functions",
        instance_id=identifier(name),
        repo=identifier(name),
        base_commit=None,
        problem_statement=f"Complete `{function}` in {_SOURCE}, as its documentation says.\n\n```ts\n{prompt.rstrip()}\n```",
        patch=patch_of_files(files, {_SOURCE: _exported(whole, function).encode()}),
        test_patch=patch_of_files(files, {_TEST: text.encode()}),
        files=files,
        test_files=("/test/*.test.ts",),
        language="typescript",
        not_honoured=("its stop_tokens end no answer: the agent edits a file",) if row.get("stop_tokens") else (),
    )


def _exported(text: str, function: str) -> str:
    if re.search(rf"^export\b.*\b{re.escape(function)}\b", text, re.MULTILINE):
        return text
    return f"{text.rstrip()}\n\nexport {{ {function} }};\n"


def _is_closed(text: str) -> bool:
    return text.count("{") <= text.count("}")


def _indented(text: str) -> str:
    return "\n".join(f"  {line}".rstrip() for line in text.strip().splitlines())
