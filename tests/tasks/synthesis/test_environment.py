"""Which packages a repository's tests get, at which versions; what is no package of a registry's is left out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tasks.errors import TaskError
from tasks.synthesis import environment
from tasks.synthesis.environment import make_environment, pinned_versions
from tasks.synthesis.project import Choices, Project, describe
from tasks.tree import RepositoryTree

MakeShelf = Callable[..., dict[str, str]]

PNPM = """\
lockfileVersion: '9.0'

importers:

  .:
    devDependencies:
      chalk:
        specifier: ^5.0.0
        version: 5.3.0

  packages/shelf:
    dependencies:
      '@scope/one':
        specifier: ^1.0.0
        version: 1.2.3(react@18.0.0)
      sibling:
        specifier: workspace:*
        version: link:../sibling

packages:

  chalk@5.3.0:
    resolution: {integrity: sha512-x}
"""
YARN = """\
# yarn lockfile v1

"@scope/one@^1.0.0", "@scope/one@^1.1.0":
  version "1.2.3"
  resolved "https://registry.example/one.tgz"

chalk@^5.0.0:
  version "5.3.0"
"""
NPM = json.dumps(
    {
        "lockfileVersion": 3,
        "packages": {
            "": {"devDependencies": {"chalk": "^5.0.0"}},
            "node_modules/chalk": {"version": "5.3.0", "resolved": "https://elsewhere.example/chalk.tgz"},
            "node_modules/chalk/node_modules/deep": {"version": "9.9.9"},
            "node_modules/sibling": {"link": True, "resolved": "packages/sibling"},
            "packages/sibling": {"version": "1.0.0"},
            "node_modules/cloned": {"version": "2.0.0", "resolved": "git+ssh://git@elsewhere.example/cloned.git#1"},
        },
    }
)


def project_of(files: Mapping[str, str]) -> Project:
    return describe("shelf", RepositoryTree({path: text.encode() for path, text in files.items()}), None, Choices())


@pytest.fixture
def given(make_shelf: MakeShelf) -> Callable[..., Project]:
    def make(dependencies: Mapping[str, str], imports: str, **files: str) -> Project:
        package = {"devDependencies": {"@types/node": "24.19.2", "typescript": "7.0.2", **dependencies}, "packageManager": "pnpm@11.5.0"}
        return project_of({**make_shelf(), "package.json": json.dumps(package), "src/more.ts": imports, **files})

    return make


@pytest.fixture
def npm(monkeypatch: pytest.MonkeyPatch) -> list[tuple[dict[str, object], bytes | None]]:
    """What npm would be asked to resolve, in place of asking a registry."""
    asked: list[tuple[dict[str, object], bytes | None]] = []

    def lock(name: str, package: bytes, given: bytes | None, say: object) -> bytes:
        asked.append((json.loads(package), given))
        return b'{"lockfileVersion": 3, "packages": {}}'

    monkeypatch.setattr(environment, "_lock", lock)
    return asked


@pytest.mark.parametrize(
    ("file", "text", "importer", "pins"),
    [
        ("pnpm-lock.yaml", PNPM, ".", {"chalk": "5.3.0"}),
        ("pnpm-lock.yaml", PNPM, "packages/shelf", {"@scope/one": "1.2.3"}),
        ("yarn.lock", YARN, ".", {"@scope/one": "1.2.3", "chalk": "5.3.0"}),
        ("package-lock.json", NPM, ".", {"chalk": "5.3.0", "cloned": "2.0.0"}),
    ],
)
def test_versions_are_the_lockfile_s(file: str, text: str, importer: str, pins: dict[str, str]) -> None:
    assert pinned_versions({file: text.encode()}, importer) == pins


def test_a_repository_that_needs_what_the_box_has_gets_the_box(make_shelf: MakeShelf, npm: list[object]) -> None:
    assert make_environment(project_of(make_shelf()), lambda line: None).image == "node24"
    assert npm == []


def test_only_what_is_imported_is_installed_at_the_locked_version_and_without_the_package_manager_s_switch(
    given: Callable[..., Project], npm: list[tuple[dict[str, object], bytes | None]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    project = given({"chalk": "^5.0.0", "eslint": "^9.0.0", "rollup": "^4.0.0"}, "import 'chalk';\n", **{"pnpm-lock.yaml": PNPM})
    made = make_environment(project, lambda line: None)
    package = npm[0][0]
    assert made.image.startswith("env-")
    dependencies = package["dependencies"]
    assert isinstance(dependencies, dict)
    assert dependencies["chalk"] == "5.3.0"
    assert not {"eslint", "rollup"} & {*dependencies}
    assert {"oxlint", "typescript", "vite", "vitest"} <= {*dependencies}  # what grades
    assert "packageManager" not in package


def test_what_is_no_version_of_a_registry_is_left_out_and_named(
    given: Callable[..., Project], npm: list[tuple[dict[str, object], bytes | None]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    wrong = {"cloned": "git+ssh://elsewhere.example/x.git", "beside": "workspace:*", "local": "file:../local", "other": "npm:chalk@^5.0.0"}
    made = make_environment(given(wrong, "".join(f"import '{name}';\n" for name in wrong)), lambda line: None)
    dependencies = npm[0][0]["dependencies"]
    assert isinstance(dependencies, dict)
    assert {*wrong} & {*dependencies} == {"other"}
    assert "left out of the environment: beside (workspace:*): not a version of the registry's" in made.notes


def test_packages_of_one_s_own_choice_are_taken_whole_and_need_a_lockfile(
    given: Callable[..., Project], npm: list[tuple[dict[str, object], bytes | None]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    deps = tmp_path / "deps"
    deps.mkdir()
    (deps / "package.json").write_text('{"dependencies": {"chalk": "^5.0.0", "unused": "1.0.0"}}')
    with pytest.raises(TaskError, match="no lockfile"):
        make_environment(given({}, ""), lambda line: None, deps=deps)
    (deps / "yarn.lock").write_text(YARN)
    make_environment(given({}, ""), lambda line: None, deps=deps)
    dependencies = npm[0][0]["dependencies"]
    assert isinstance(dependencies, dict)
    assert (dependencies["chalk"], dependencies["unused"]) == ("5.3.0", "1.0.0")


def test_a_lock_keeps_no_address_and_no_package_without_a_registry() -> None:
    kept = json.loads(environment._of_the_registry(NPM.encode()))["packages"]
    assert set(kept) == {"", "node_modules/chalk", "node_modules/chalk/node_modules/deep"}
    assert "elsewhere" not in json.dumps(kept)


def test_npm_runs_no_script_and_installs_where_ci_would_reject_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []
    environments: list[dict[str, str]] = []

    class Done:
        returncode, stdout, stderr = 1, "", "npm error code ERESOLVE\nnpm error no such version\n"

    def run(command: list[object], env: dict[str, str], **_: object) -> Done:
        commands.append([str(part) for part in command])
        environments.append(env)
        return Done()

    monkeypatch.setattr(environment.subprocess, "run", run)
    assert environment._npm(tmp_path, tmp_path) == "npm error code ERESOLVE / npm error no such version"
    assert "install" in commands[0]
    assert "ci" not in commands[0]
    assert "--ignore-scripts" in commands[0]
    assert environments[0]["npm_config_manage_package_manager_versions"] == "false"


def test_native_packages_are_named() -> None:
    lock = {
        "packages": {
            "node_modules/sqlite": {"hasInstallScript": True, "dependencies": {"bindings": "1"}},
            "node_modules/esbuild": {"hasInstallScript": True},
        }
    }
    assert environment._natives(lock) == ["sqlite"]
