"""The packages that a repository's tests need, as an image that is built once: what is imported, at the versions that the repository's lockfile
names, beside the compiler, runner and linter that grade.

npm resolves and fetches on this machine, with a package.json of our own making, install scripts off, and registry versions alone: what names
a directory, a git repository or an address is left out. Nothing of a package runs before it is in a box.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sandboxes.images.recipe import Say, keep_environment, load_recipe
from sandboxes.images.rootfs import build_rootfs
from tasks.errors import TaskError
from tasks.synthesis.project import Project, imports_of

_PARENT: Final = "node24"
_REGISTRY_SPEC: Final = re.compile(r"^(?:npm:(?:@[\w.-]+/)?[\w.-]+@)?[\w.^~<>=|*\s+-]*$")
_PACKAGE_NAME: Final = re.compile(r"^(?:@[a-z0-9][\w.-]*/)?[a-zA-Z0-9][\w.-]*$")
_NATIVE: Final = frozenset(
    {"node-gyp", "node-gyp-build", "prebuild-install", "node-pre-gyp", "@mapbox/node-pre-gyp", "nan", "node-addon-api", "bindings"}
)
_ALWAYS: Final = re.compile(r"^(?:@types/.+|typescript|tslib|jsdom|happy-dom|react|react-dom)$")
_REPLACED: Final = re.compile(r"^(?:vite|vitest|@vitest/.+|jest|ts-jest|mocha|oxlint)$")
_NPM_SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True)
class Environment:
    image: str
    package: bytes
    lock: bytes
    notes: tuple[str, ...]


def make_environment(project: Project, say: Say, *, deps: Path | None = None) -> Environment:
    """The image of the project's packages. With `deps`, a directory's own package.json and lockfile are taken, whole. TaskError: npm's words."""
    notes: list[str] = []
    tools: dict[str, str] = json.loads((load_recipe(_PARENT).directory / "package.json").read_text(encoding="utf-8"))["dependencies"]
    graders = json.loads((load_recipe(_PARENT).directory / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    tools["vite"] = graders["node_modules/vite"]["version"]  # vitest's peer, which npm does not bring by itself
    lock: bytes | None
    if deps is not None:
        declared, lock = _read_directory(deps)
    else:
        declared, lock = _needed(project, notes), project.tree.files.get("package-lock.json")
    wanted = {name: spec for name, spec in declared.items() if name not in tools or name in ("typescript", "@types/node")}
    ours = {name: version for name, version in tools.items() if name not in wanted}
    if "@types/node" in ours and _is_before_five(wanted.get("typescript", "")):
        del ours["@types/node"]  # its syntax is newer than that compiler
    if all(tools.get(name) == spec.removeprefix("^") for name, spec in wanted.items()):
        return Environment(_PARENT, b"", b"", tuple(notes))
    package = {"name": "workspace", "private": True, "dependencies": dict(sorted({**wanted, **ours}.items()))}
    say(f"resolving {len(package['dependencies'])} packages")  # type: ignore[arg-type]
    content = (json.dumps(package, indent=2) + "\n").encode()
    locked = _lock(project.name, content, lock, say)
    if natives := _natives(json.loads(locked)):
        notes.append(f"native packages are not built: {', '.join(natives[:5])}; tests that need them fail and are left out")
    return Environment(keep_environment(content, locked, parent=_PARENT), content, locked, tuple(notes))


def pinned_versions(files: Mapping[str, bytes], importer: str = ".") -> dict[str, str]:
    """Versions of direct dependencies, by the lockfile that the repository has: npm's, pnpm's or yarn's."""
    if raw := files.get("package-lock.json") or files.get("npm-shrinkwrap.json"):
        return _of_npm(raw)
    if raw := files.get("pnpm-lock.yaml"):
        return _of_pnpm(raw.decode("utf-8", "replace"), importer)
    if raw := files.get("yarn.lock"):
        return _of_yarn(raw.decode("utf-8", "replace"))
    return {}


def _needed(project: Project, notes: list[str]) -> dict[str, str]:
    """What sources, tests and the runner's configuration import, and types; by name, with a version or a range of the registry's."""
    package = project.package
    declared: dict[str, str] = {}
    for kind in ("peerDependencies", "optionalDependencies", "devDependencies", "dependencies"):
        part = package.get(kind)
        if isinstance(part, dict):
            declared |= {str(name): str(spec) for name, spec in part.items()}
    files = project.tree.files
    configuration = [
        path
        for path in files
        if "/" not in path and re.match(r"(?:vitest|vite|babel|jest)\.config\.|\.babelrc|tsconfig.*\.json|package\.json", path)
    ]
    text = [
        files[path].decode("utf-8", "replace")
        for path in (*project.sources, *project.test_files, *project.type_test_files, *_local(project))
    ]
    imported = set().union(*(imports_of(one) for one in text)) if text else set()
    words = "\n".join(files[path].decode("utf-8", "replace") for path in configuration if path != "package.json")
    pins = pinned_versions(files)
    needed = {}
    for name, spec in declared.items():
        if not (name in imported or _ALWAYS.match(name) or f'"{name}"' in words or f"'{name}'" in words or f"{name}/" in words):
            continue
        if _REPLACED.match(name) and name != "@vitest/expect":
            continue
        if not _PACKAGE_NAME.match(name) or not (name in pins or _REGISTRY_SPEC.match(spec)):
            notes.append(f"left out of the environment: {name} ({spec}): not a version of the registry's")
            continue
        needed[name] = pins.get(name, spec)
    if project.runner == "jest" and "@jest/globals" in needed:
        del needed["@jest/globals"]  # an alias of the runner's
    return needed


def _local(project: Project) -> list[str]:
    """Modules beside the sources and tests that these may import: helpers in JavaScript, configuration."""
    return [path for path in project.tree.files if re.match(r"(?:vitest|vite)\.config\.|(?:tests?|__tests__|src)/.*\.[cm]?[jt]sx?$", path)]


def _read_directory(directory: Path) -> tuple[dict[str, str], bytes | None]:
    try:
        package = json.loads((directory / "package.json").read_bytes())
    except (OSError, ValueError) as error:
        raise TaskError(f"{directory}/package.json: {error}; --deps is a directory with a package.json and its lockfile") from error
    files = {
        name: (directory / name).read_bytes()
        for name in ("package-lock.json", "pnpm-lock.yaml", "yarn.lock")
        if (directory / name).is_file()
    }
    if not files:
        raise TaskError(f"{directory}: there is no lockfile in it (package-lock.json, pnpm-lock.yaml or yarn.lock)")
    declared = {**package.get("devDependencies", {}), **package.get("dependencies", {})}
    pins = pinned_versions(files)
    return {name: pins.get(name, spec) for name, spec in declared.items() if not _REPLACED.match(name)}, files.get("package-lock.json")


def _lock(name: str, package: bytes, lock: bytes | None, say: Say) -> bytes:
    """npm's lockfile for the package.json: what the repository's own lock says where it can be honoured."""
    root = build_rootfs(load_recipe(_PARENT), say)
    said = ""
    for given in (lock, None) if lock else (None,):
        with tempfile.TemporaryDirectory(prefix="harness-environment-") as scratch:
            place = Path(scratch)
            (place / "package.json").write_bytes(package)
            if given is not None:
                (place / "package-lock.json").write_bytes(_of_the_registry(given))
            said = _npm(root, place)
            if not said:
                return _of_the_registry((place / "package-lock.json").read_bytes())
    raise TaskError(f"{name}: npm cannot resolve its packages ({said}); give packages of your own choice with --deps DIR")


def _npm(root: Path, place: Path) -> str:
    """Empty, or why it failed."""
    # Not `npm ci`, which rejects locks that `install` honours. An old peer range is no reason to have no environment.
    command: list[str | Path] = [
        root / "usr/local/bin/node", root / "usr/local/lib/node_modules/npm/bin/npm-cli.js", "install", "--package-lock-only", "--ignore-scripts",
        "--legacy-peer-deps", "--no-audit", "--no-fund", "--loglevel=error",
    ]  # fmt: skip
    environment = {**os.environ, "npm_config_manage_package_manager_versions": "false"}
    try:
        done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=False, timeout=_NPM_SECONDS)
    except subprocess.TimeoutExpired:
        return f"npm took longer than {_NPM_SECONDS:.0f} s"
    if done.returncode == 0:
        return ""
    lines = [line for line in (done.stderr or done.stdout).splitlines() if "error" in line and "log of this run" not in line]
    return " / ".join(lines[:2])[:300] or f"npm ended with {done.returncode}"


def _of_the_registry(lock: bytes) -> bytes:
    """The lock without the addresses from which its packages once came, and without packages that no registry has."""
    try:
        content = json.loads(lock)
    except ValueError as error:
        raise TaskError(f"package-lock.json: not JSON: {error}") from error
    packages = content.get("packages")
    if isinstance(packages, dict):
        for path in list(packages):
            entry = packages[path]
            if path and (
                entry.get("link") or not path.startswith("node_modules/") or str(entry.get("resolved", "")).startswith(("git", "file:"))
            ):
                del packages[path]
            else:
                entry.pop("resolved", None)
    content.pop("dependencies", None)  # version 1's copy of the same
    return (json.dumps(content, indent=2) + "\n").encode()


def _natives(lock: dict[str, Any]) -> list[str]:
    found = []
    for path, entry in lock.get("packages", {}).items():
        if entry.get("hasInstallScript") and not entry.get("optional") and _NATIVE & {*entry.get("dependencies", {})}:
            found.append(path.rpartition("node_modules/")[2])
    return sorted(found)


def _of_npm(raw: bytes) -> dict[str, str]:
    try:
        content = json.loads(raw)
    except ValueError as error:
        raise TaskError(f"package-lock.json: not JSON: {error}") from error
    packages = content.get("packages")
    if isinstance(packages, dict):
        top = {path.removeprefix("node_modules/"): entry for path, entry in packages.items() if path.count("node_modules/") == 1}
        return {name: str(entry["version"]) for name, entry in top.items() if "version" in entry and not entry.get("link")}
    return {
        name: str(entry["version"])
        for name, entry in content.get("dependencies", {}).items()
        if re.match(r"\d", str(entry.get("version", "")))
    }


def _of_pnpm(text: str, importer: str) -> dict[str, str]:
    """Of the importer's direct dependencies: pnpm's own YAML, two spaces a level."""
    pins: dict[str, str] = {}
    inside = "importers:" not in text
    level = 2 if inside else 6
    name = None
    for line in text.splitlines():
        if found := re.match(r"  '?([^\s'][^']*?)'?:\s*$", line):
            if not (inside and level == 2):
                inside = found[1] == importer
        elif line and not line[0].isspace():
            inside = inside and level == 2
        if not inside:
            continue
        if found := re.match(rf" {{{level}}}'?((?:@[^/\s']+/)?[^\s':]+)'?:\s*(\S*)$", line):
            name = found[1]
            if re.match(r"\d", found[2]):
                pins[name] = re.split(r"[(_]", found[2])[0]
        elif name and (found := re.match(r"\s+version:\s*'?(\d[^\s('_]*)", line)):
            pins.setdefault(name, found[1])
    return pins


def _of_yarn(text: str) -> dict[str, str]:
    """The first version of each name: yarn.lock has all of them, direct or not."""
    pins: dict[str, str] = {}
    names: list[str] = []
    for line in text.splitlines():
        if line and not line[0].isspace() and line.endswith(":"):
            names = re.findall(r'"?((?:@[^/\s",]+/)?[^@\s",]+)@', line)
        elif found := re.match(r'\s+version:?\s+"?(\d[^"\s]*)', line):
            for name in names:
                pins.setdefault(name, found[1])
    return pins


def _is_before_five(spec: str) -> bool:
    found = re.search(r"\d+", spec)
    return found is not None and int(found[0]) < 5
