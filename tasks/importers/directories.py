"""Tasks that are directories: Harbor's, and the exercises of Exercism's TypeScript track."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from sandboxes.sandbox import REPOSITORY
from tasks.errors import TaskError
from tasks.importers.foreign import Foreign, identifier
from tasks.patches import patch_of_files
from tasks.toml_file import read_toml
from tasks.tree import read_tree

SCRIPT: Final = ".harbor/test.sh"
_SETTINGS: Final = {
    "compilerOptions": {
        "target": "esnext", "module": "esnext", "moduleResolution": "bundler", "strict": True, "noEmit": True, "skipLibCheck": True,
        "allowImportingTsExtensions": True, "types": ["node"],
    },
}  # fmt: skip


def read_exercism(track: Path) -> Iterator[Foreign | TaskError]:
    """The practice exercises of a clone of the track, in the order of its config.json; in place of one that cannot be used, why."""
    try:
        config = json.loads((track / "config.json").read_bytes())
        listed = [(str(entry["slug"]), int(entry.get("difficulty", 1))) for entry in config["exercises"]["practice"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TaskError(f"{track}: not an Exercism track (config.json with exercises.practice): {error}") from error
    for name, _ in listed:
        try:
            yield _exercise(track / "exercises" / "practice" / _safe(name))
        except TaskError as error:
            yield error


def read_harbor(directory: Path) -> Foreign:
    """A Harbor task whose environment is files that are copied into its image, and whose solution is a patch or files.

    TaskError where the environment cannot be had without running its Dockerfile. Its `tests/test.sh` grades, by the reward that it writes:
    the directories that it names are those of the box.
    """
    about = read_toml(directory / "task.toml", TaskError)
    statement = _text(directory / "instruction.md")
    script = directory / "tests" / "test.sh"
    if not script.is_file():
        raise TaskError(f"{directory}: there is no tests/test.sh in it")
    workdir, files, notes = _environment(directory)
    hidden = {f".harbor/{path}": content for path, content in read_tree(directory / "tests").files.items()}
    hidden[SCRIPT] = _in_the_box(_text(script), workdir).encode()
    notes.append("its reward is written beside the code that it judges: grades are in the mode plain")
    patch = directory / "solution" / "oracle.patch"
    if not patch.is_file():
        patch = directory / "solution" / "solution.patch"
    if patch.is_file():
        gold = _text(patch)
    else:
        raise TaskError(f"{directory}: its solution is a script (solve.sh), which is not run here: give solution/oracle.patch beside it")
    verifier, agent, environment = (about.get(name, {}) for name in ("verifier", "agent", "environment"))
    notes += [f"[{part}] {key} is not honoured" for part, table, keys in (
        ("agent", agent, ("user", "allowed_hosts")), ("verifier", verifier, ("env", "user", "environment_mode")),
        ("environment", environment, ("docker_image", "cpus", "memory_mb", "storage_mb")),
    ) for key in keys if table.get(key)]  # fmt: skip
    if any(table.get("network_mode") not in (None, "none") for table in (agent, environment)):
        notes.append("network_mode: there is no network in a box")
    files.setdefault("package.json", b'{\n  "name": "task",\n  "private": true,\n  "type": "module"\n}\n')
    files.setdefault("tsconfig.json", (json.dumps(_SETTINGS, indent=2) + "\n").encode())
    name = str(about.get("task", {}).get("name") or directory.name)
    return Foreign(
        format="harbor",
        instance_id=identifier(name.rpartition("/")[2]),
        repo=identifier(name.rpartition("/")[2]),
        base_commit=None,
        problem_statement=statement,
        patch=gold,
        test_patch=patch_of_files(files, hidden),
        files=files,
        test_files=(f"/{SCRIPT}",),
        runner="reward",
        not_honoured=tuple(notes),
    )


def _exercise(place: Path) -> Foreign:
    try:
        meta: dict[str, Any] = json.loads((place / ".meta" / "config.json").read_bytes())
        parts = {key: [_safe(str(path)) for path in meta["files"][key]] for key in ("solution", "test", "example")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TaskError(f"{place.name}: .meta/config.json has no files.solution, files.test and files.example: {error}") from error
    name = identifier(place.name)
    try:
        stub = {path: (place / path).read_bytes() for path in parts["solution"]}
        tests = {path: _without_skips((place / path).read_text(encoding="utf-8")).encode() for path in parts["test"]}
        examples = [(place / path).read_bytes() for path in parts["example"]]
        docs = [place / ".docs" / file for file in ("introduction.md", "instructions.md", "instructions.append.md")]
        statement = "\n\n".join(doc.read_text(encoding="utf-8").strip() for doc in docs if doc.is_file())
    except (OSError, UnicodeDecodeError) as error:
        raise TaskError(f"{name}: {error}") from error
    if len(examples) != len(stub):
        raise TaskError(f"{name}: it has {len(stub)} solution files and {len(examples)} examples: which is which is not said")
    files = {
        **stub,
        "package.json": (json.dumps({"name": name, "private": True, "type": "module"}, indent=2) + "\n").encode(),
        "tsconfig.json": (json.dumps(_SETTINGS, indent=2) + "\n").encode(),
        "vitest.config.mjs": b"import { defineConfig } from 'vitest/config';\n\nexport default defineConfig({ test: { globals: true } });\n",
        "present.test.ts": b"import { expect, it } from 'vitest';\n\nit('is there', () => {\n  expect(true).toBe(true);\n});\n",
    }
    hidden = {path: re.sub(rb"from '@jest/globals'", b"from 'vitest'", content) for path, content in tests.items()}
    try:
        return Foreign(
            format="exercism",
            instance_id=f"exercism-{name}",
            repo=f"exercism-{name}",
            base_commit=None,
            problem_statement=(statement or str(meta.get("blurb", ""))).strip() + f"\n\nWrite it in {', '.join(stub)}.",
            patch=patch_of_files(files, dict(zip(stub, examples, strict=True))),
            test_patch=patch_of_files(files, hidden),
            files=files,
            licence="MIT",
            test_files=("*.test.ts",),
            not_honoured=("tests that the track skips at first are run",),
        )
    except UnicodeDecodeError as error:
        raise TaskError(f"{name}: a file is not UTF-8") from error


def _without_skips(text: str) -> str:
    text = re.sub(r"(?<=[{,\s])x(?:it|test|describe)\s*,|,\s*x(?:it|test|describe)(?=\s*\})", "", text)  # among what is imported
    return re.sub(r"\bx(it|test|describe)\b", r"\1", re.sub(r"\b(it|test|describe)\.skip\b", r"\1", text))


def _in_the_box(script: str, workdir: str) -> str:
    """The script with the directories of the box in place of those of the container that it was written for."""
    for there, here in (("/logs/verifier", "/tmp/logs/verifier"), ("/tests", f"{REPOSITORY}/.harbor"), (workdir, REPOSITORY)):
        script = re.sub(rf"(?<![\w/.-]){re.escape(there)}(?![\w-])", here, script) if len(there) > 1 else script
    return script


def _environment(directory: Path) -> tuple[str, dict[str, bytes], list[str]]:
    """The work directory, the files that the Dockerfile copies into it; what else it does, in words."""
    place = directory / "environment"
    dockerfile = place / "Dockerfile"
    if not dockerfile.is_file():
        raise TaskError(f"{directory}: there is no environment/Dockerfile in it")
    notes = []
    workdir = "/"
    files: dict[str, bytes] = {}
    for line in re.sub(r"\\\n", " ", _text(dockerfile)).splitlines():
        word, _, rest = line.strip().partition(" ")
        if word.upper() in ("COPY", "ADD") and "--from" not in rest:
            *sources, _target = [part for part in rest.split() if not part.startswith("--")]
            for source in sources:
                there = place / _safe(source.removeprefix("./").rstrip("/") or ".")
                if there.is_dir():
                    files |= {path: content for path, content in read_tree(there).files.items() if path != "Dockerfile"}
                elif there.is_file():
                    files[there.name] = there.read_bytes()
                else:
                    raise TaskError(f"{directory}: its Dockerfile copies {source}, which is not there")
        elif word.upper() == "WORKDIR":
            workdir = rest.strip().rstrip("/") or "/"
        elif word.upper() == "RUN":
            notes.append(f"its Dockerfile's `RUN {rest.strip()[:60]}` is not run")
    if not files:
        raise TaskError(f"{directory}: its Dockerfile copies no files: what it makes otherwise is not known without running it")
    return workdir, files, notes


def _safe(path: str) -> str:
    if path.startswith("/") or ".." in Path(path).parts:
        raise TaskError(f"{path}: not a path inside the task")
    return path


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TaskError(f"{file}: {error}") from error
