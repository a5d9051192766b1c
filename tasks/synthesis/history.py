"""Which commits of a history may be tasks: those that change sources and tests, and not too much of either; and what is wrong with the others."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from tasks.errors import TaskError
from tasks.patches import patch_between
from tasks.synthesis.clone import Clone, Commit
from tasks.synthesis.project import Choices, Project, describe
from tasks.synthesis.settling import RefusedError
from tasks.tree import RepositoryTree

_FIX: Final = re.compile(r"\b(?:fix(?:e[sd])?|bug|repair|correct(?:s|ed)?|resolve[sd]?|regression|closes?)\b", re.IGNORECASE)
_NOT_CODE: Final = re.compile(
    r"\.(?:md|mdx|txt|png|jpe?g|svg|gif|ya?ml)$|(?:^|/)(?:\.[^/]+|docs?|website|examples?|CHANGELOG[^/]*|LICEN[CS]E[^/]*)(?:/|$)",
    re.IGNORECASE,
)
_LOCKS: Final = ("package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "yarn.lock", "bun.lockb")
_SETTINGS: Final = re.compile(r"(?:^|/)(?:tsconfig[^/]*\.json|(?:vitest|vite|jest|babel)\.config\.[^/]+)$")
_TRAILER: Final = re.compile(
    r"^(?:[A-Z][\w-]*-by|Change-Id|Refs?|Fixes|Closes|See|PR-URL|Reviewed-on|Cherry-picked[\w ]*):?\s.*$", re.MULTILINE | re.IGNORECASE
)
_PREFIX: Final = re.compile(r"^(?:fix|feat|perf|refactor|chore|bug|bugfix)(?:\([^)]*\))?!?:\s*", re.IGNORECASE)
_MERGE: Final = re.compile(r"^Merge (?:pull request|branch|remote-tracking)", re.IGNORECASE)
_ISSUE: Final = re.compile(r"(?:#|/issues/|/pull/)(\d+)")


@dataclass(frozen=True, slots=True)
class Bounds:
    """Which commits a person wants."""

    since: str | None = None
    max_files: int = 3
    max_lines: int = 120
    """Of sources, added and removed together."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A commit taken apart."""

    commit: Commit
    before: Project
    """The parent, as the agent sees it: sources, and the tests as they were."""
    patch: str
    test_patch: str
    touched_tests: tuple[str, ...]
    """That are there after it."""
    type_tests: tuple[str, ...]
    """Before it or after it."""
    sources: tuple[str, ...]
    is_fix: bool


def read_commits(file: Path) -> list[str]:
    """The commits that a file names, one a line; what follows a `#` is a comment. TaskError when it cannot be read."""
    try:
        lines = [line.partition("#")[0].strip() for line in file.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise TaskError(f"{file}: {error}") from error
    names = [line.split()[0] for line in lines if line]
    if wrong := next((name for name in names if not re.fullmatch(r"[0-9a-fA-F]{7,40}", name)), None):
        raise TaskError(f"{file}: {wrong!r} is no commit's name: give one a line, in at least seven hexadecimal digits")
    return list(dict.fromkeys(names))


def read_issues(file: Path) -> dict[str, str]:
    """Issue texts by number, from JSON lines with `number`, `title` and `body`. TaskError when it is something else."""
    issues = {}
    try:
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.strip():
                row: dict[str, Any] = json.loads(line)
                issues[str(row["number"])] = f"{row['title']}\n\n{row.get('body') or ''}".strip()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TaskError(f"{file}: not lines of JSON with number, title and body: {error}") from error
    return issues


def promising(commits: Sequence[Commit], choices: Choices, bounds: Bounds) -> tuple[list[Commit], dict[str, int]]:
    """Those that change one to `max_files` sources and a test, by the names of what they change; how many are not, by reason."""
    below = choices.package.strip("/")
    kept = []
    reasons: dict[str, int] = {}
    for commit in commits:
        reason = _at_a_glance(commit, below, bounds)
        if reason is None:
            kept.append(commit)
        else:
            reasons[reason] = reasons.get(reason, 0) + 1
    return kept, reasons


def take_apart(clone: Clone, commit: Commit, name: str, choices: Choices, bounds: Bounds) -> Candidate:
    """Sources and tests of a commit, each as a patch of its parent. RefusedError says why it is no task."""
    if commit.parent is None:
        raise RefusedError("it has no parent in this clone")
    below = choices.package.strip("/")
    try:
        trees = clone.tree(commit.parent, below)[0], clone.tree(commit.sha, below)[0]
        before = describe(name, trees[0], commit.parent, choices)
        after = describe(name, trees[1], commit.sha, choices)
    except TaskError as error:
        raise RefusedError(str(error).partition("; ")[0]) from error
    old, new = before.tree.files, after.tree.files
    changed = sorted(path for path in {*old, *new} if old.get(path) != new.get(path))
    tests = [path for path in changed if _belongs_to_tests(path, before, after)]
    sources = [path for path in changed if path not in tests and not _NOT_CODE.search(path) and path not in _LOCKS]
    laid = _laid(before, trees[0]) | _laid(after, trees[1])
    before = _with_settings_of(before, after, [path for path in changed if path in laid or _SETTINGS.search(path)])
    # Packages are the environment's, and what is laid to either is of no commit.
    sources = [path for path in sources if path != "package.json" and path not in laid and not _SETTINGS.search(path)]
    if not sources:
        raise RefusedError("no source is changed")
    if len(sources) > bounds.max_files:
        raise RefusedError(f"more than {bounds.max_files} sources are changed")
    touched = tuple(path for path in tests if path in new and path in (*after.test_files, *after.type_test_files))
    if not touched:
        raise RefusedError("no test file is changed")
    try:
        patch = patch_between({path: old[path] for path in sources if path in old}, {path: new[path] for path in sources if path in new})
        test_patch = patch_between({path: old[path] for path in tests if path in old}, {path: new[path] for path in tests if path in new})
    except (UnicodeDecodeError, ValueError) as error:
        raise RefusedError("it changes a file that is not text, or an empty one") from error
    lines = sum(line[:1] in "+-" and line[:3] not in ("+++", "---") for line in patch.splitlines() if line)
    if not 2 <= lines <= bounds.max_lines:
        raise RefusedError(f"not 2 to {bounds.max_lines} lines of sources are changed: {lines}")
    is_fix = bool(_FIX.search(commit.subject) or _FIX.search(commit.body.partition("\n")[0]))
    type_tests = tuple(sorted({*before.type_test_files, *after.type_test_files}))
    return Candidate(commit, before, patch, test_patch, touched, type_tests, tuple(sources), is_fix)


def statement_of(commit: Commit, issues: Mapping[str, str]) -> tuple[str, str]:
    """Title and text from what the commit says, or from the issue that it names where its text is given."""
    for number in _ISSUE.findall(f"{commit.subject}\n{commit.body}"):
        if number in issues:
            title, _, text = issues[number].partition("\n")
            return title.strip()[:120], text.strip() or title.strip()
    body = _TRAILER.sub("", commit.body).strip()
    subject = commit.subject
    if _MERGE.match(subject):
        subject, _, body = body.partition("\n")
    title = _PREFIX.sub("", re.sub(r"\s*\(?#\d+\)?", "", subject)).strip().rstrip(".")
    text = re.sub(r"\n{3,}", "\n\n", body.strip())
    return (title[:1].upper() + title[1:])[:120] or "A change", text


def direct_importers(project: Project, sources: Sequence[str], tests: Sequence[str]) -> list[str]:
    """Test files that name a changed source in an import, or an index beside it."""
    stems = {re.sub(r"\.[cm]?[jt]sx?$", "", path).rpartition("/")[2] for path in sources} | {"index"}
    naming = re.compile(
        r"""(?:from|import|require\()\s*\(?['"][^'"]*?(?:^|/|\.)(?:"""
        + "|".join(re.escape(stem) for stem in sorted(stems))
        + r""")(?:\.[cm]?[jt]sx?)?['"]"""
    )
    return [path for path in tests if naming.search(project.tree.files.get(path, b"").decode("utf-8", "replace"))]


def _at_a_glance(commit: Commit, below: str, bounds: Bounds) -> str | None:
    paths = [path[len(below) + 1 :] if below else path for _, path in commit.changes if not below or path.startswith(f"{below}/")]
    code = [path for path in paths if re.search(r"\.[cm]?tsx?$", path) and not _NOT_CODE.search(path)]
    tests = [path for path in code if re.search(r"(?:^|/)(?:tests?|specs?|__tests__)/|[._-](?:test|tests|spec|test-d)\.[cm]?tsx?$", path)]
    if commit.parent is None:
        return "it has no parent in this clone"
    if not tests:
        return "no test file is changed"
    if len(code) == len(tests):
        return "no source is changed"
    if len(code) - len(tests) > bounds.max_files:
        return f"more than {bounds.max_files} sources are changed"
    return None


def _belongs_to_tests(path: str, before: Project, after: Project) -> bool:
    known = {*before.test_files, *after.test_files, *before.type_test_files, *after.type_test_files}
    return path in known or bool(re.search(r"(?:^|/)(?:tests?|specs?|__tests__|__snapshots__|fixtures|__fixtures__)/|\.snap$", path))


def _laid(project: Project, tree: RepositoryTree) -> set[str]:
    """What is in a project and not in the commit's tree: settings, and the way from a built file to its source."""
    return {path for path, content in project.tree.files.items() if tree.files.get(path) != content}


def _with_settings_of(before: Project, after: Project, changed: Sequence[str]) -> Project:
    """The parent with the settings of the commit: they decide how code is compiled and tested, and no patch can bring them."""
    settings = {path: after.tree.files[path] for path in changed if path in after.tree.files}
    return replace(before, tree=RepositoryTree({**before.tree.files, **settings}, before.tree.executables)) if settings else before


def tree_patch(anchor: RepositoryTree, tree: RepositoryTree) -> str | None:
    """What makes the tree of the anchor, or None where a patch of text cannot say it."""
    try:
        patch = patch_between(anchor.files, tree.files)
        made = anchor.patched(patch) if patch else anchor
    except (UnicodeDecodeError, ValueError, TaskError):
        return None
    return patch if made.files == tree.files and made.executables == tree.executables else None
