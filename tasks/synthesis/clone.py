"""A git repository as data: commits, trees and diffs, read with git's plumbing and never checked out.

The repository is not trusted: of its configuration nothing that names a program is used, no filter, no hook, no pager, no textconv runs, and
objects that a partial clone lacks are not fetched.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from tasks.errors import TaskError
from tasks.tree import MAXIMUM_BYTES, MAXIMUM_FILES, RepositoryTree

_ENVIRONMENT: Final = {
    "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_PAGER": "cat",
    "LC_ALL": "C.UTF-8",
}
_CONFIGURATION: Final = (
    "-c", "safe.directory=*", "-c", "core.fsmonitor=false", "-c", "core.attributesFile=/dev/null", "-c", "core.hooksPath=/dev/null",
    "-c", "protocol.allow=never", "-c", "diff.external=", "-c", "core.quotePath=false", "-c", "log.showSignature=false",
)  # fmt: skip
_REGULAR: Final = {"100644": False, "100755": True}
_SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit, with the paths that it changes against its first parent: status (`A`, `M`, `D`, …) and path."""

    sha: str
    parent: str | None
    when: str
    """The author's date, ISO 8601."""
    subject: str
    body: str
    changes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class TreeEntry:
    path: str
    blob: str
    size: int
    executable: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """What lies in a commit's tree."""

    entries: tuple[TreeEntry, ...]
    left_out: tuple[str, ...]
    """In words: links, submodules, names that are not UTF-8."""


class Clone:
    """A bare or a normal clone."""

    def __init__(self, git_directory: Path) -> None:
        self.git_directory = git_directory

    def resolve(self, revision: str) -> str:
        """The commit's full name. TaskError when there is none."""
        done = self._run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}", check=False)
        if done.returncode != 0:
            raise TaskError(f"{self.git_directory}: there is no commit {revision!r}")
        return done.stdout.decode().strip()

    def is_shallow(self) -> bool:
        return self._run("rev-parse", "--is-shallow-repository").stdout.strip() == b"true"

    def commit(self, sha: str) -> Commit:
        """One commit with its changes. TaskError when it is not there."""
        return self._commits("--max-count=1", self.resolve(sha))[0]

    def commits(self, *, since: str | None, below: str) -> list[Commit]:
        """The commits of HEAD's first-parent history, the newest first, without merges of more than one parent but for their summed change."""
        limits = [f"--since={since}"] if since else []
        return self._commits(*limits, "--first-parent", "HEAD", *(["--", below] if below else []))

    def _commits(self, *arguments: str) -> list[Commit]:
        shape = "--format=%x01%H%x00%P%x00%aI%x00%s%x00%b%x00"
        text = self._run(
            "log", "-z", "--no-color", "--no-ext-diff", "--no-textconv", "--name-status", "--no-renames", "--diff-merges=first-parent", shape,
            *arguments,
        ).stdout.decode("utf-8", "replace")  # fmt: skip
        found = []
        for record in text.split("\x01")[1:]:
            sha, parents, when, subject, body, rest = record.split("\0", 5)
            words = (
                [word for word in rest.replace("\n", "\0").split("\0") if word]
                if "\n" not in rest.strip("\0\n")
                else rest.strip("\0\n").split("\0")
            )
            words = [word for word in words if word]
            changes = tuple((words[at][0], words[at + 1]) for at in range(0, len(words) - 1, 2))
            found.append(Commit(sha, parents.split(" ")[0] or None, when, subject.strip(), body.strip(), changes))
        return found

    def listing(self, commit: str, below: str = "") -> Listing:
        """What lies in the commit's tree, or below one of its directories; paths are then relative to that. TaskError when it is too much."""
        place = f"{commit}:{below}" if below else commit
        done = self._run("ls-tree", "-r", "-z", "-l", "--full-tree", place, check=False)
        if done.returncode != 0:
            raise TaskError(f"{self.git_directory}: there is no directory {below!r} in {commit[:12]}")
        entries = []
        left_out = []
        size = 0
        for record in filter(None, done.stdout.split(b"\0")):
            about, _, raw = record.partition(b"\t")
            mode, kind, blob, length = about.decode().split()
            try:
                path = raw.decode("utf-8")
            except UnicodeDecodeError:
                left_out.append(f"{raw!r}: its name is not UTF-8")
                continue
            if kind != "blob" or mode not in _REGULAR:
                left_out.append(f"{path}: {'a submodule' if kind == 'commit' else 'a link'}")
                continue
            if not _is_inside(path):
                left_out.append(f"{path}: not a path inside a repository")
                continue
            entries.append(TreeEntry(path, blob, int(length), _REGULAR[mode]))
            size += int(length)
            if len(entries) > MAXIMUM_FILES or size > MAXIMUM_BYTES:
                raise TaskError(
                    f"{self.git_directory}: more than {MAXIMUM_FILES} files or {MAXIMUM_BYTES} bytes in {commit[:12]}; choose a part with --package"
                )
        return Listing(tuple(entries), tuple(left_out))

    def tree(self, commit: str, below: str = "") -> tuple[RepositoryTree, tuple[str, ...]]:
        """The files of a commit, or of one directory of it; what was left out, in words."""
        listing = self.listing(commit, below)
        contents = self.blobs(entry.blob for entry in listing.entries)
        files = {entry.path: contents[entry.blob] for entry in listing.entries}
        if not files:
            raise TaskError(f"{self.git_directory}: there is no file in {commit[:12]}")
        return RepositoryTree(files, frozenset(entry.path for entry in listing.entries if entry.executable)), listing.left_out

    def blobs(self, names: Iterable[str]) -> dict[str, bytes]:
        """Contents by object name. TaskError when the clone lacks one, as a partial clone may."""
        wanted = sorted(set(names))
        out = self._run("cat-file", "--batch", stdin="".join(f"{name}\n" for name in wanted).encode()).stdout
        contents: dict[str, bytes] = {}
        place = 0
        for name in wanted:
            end = out.index(b"\n", place)
            header = out[place:end].split()
            if header[-1] == b"missing":
                raise TaskError(f"{self.git_directory}: the clone lacks the object {name}: make a full clone")
            size = int(header[2])
            contents[name] = out[end + 1 : end + 1 + size]
            place = end + 2 + size
        return contents

    def _run(self, *arguments: str, stdin: bytes = b"", check: bool = True) -> subprocess.CompletedProcess[bytes]:
        command = ["git", f"--git-dir={self.git_directory}", *_CONFIGURATION, *arguments]
        try:
            done = subprocess.run(command, env=_ENVIRONMENT, input=stdin, capture_output=True, check=False, timeout=_SECONDS, cwd="/")
        except subprocess.TimeoutExpired as error:
            raise TaskError(f"{self.git_directory}: git {arguments[0]} took longer than {_SECONDS:.0f} s") from error
        if check and done.returncode != 0:
            said = done.stderr.decode("utf-8", "replace").strip() or "failed"
            raise TaskError(f"{self.git_directory}: git {arguments[0]}: {said.splitlines()[0]}")
        return done


def open_clone(directory: Path) -> Clone | None:
    """The clone in a directory, or None when the directory is not one. A work tree's parents are not searched."""
    for place in (directory / ".git", directory):
        if (place / "HEAD").is_file() and (place / "objects").is_dir():
            return Clone(place.absolute())
    if (directory / ".git").is_file():
        raise TaskError(f"{directory}: its .git is a file (a linked work tree or a submodule): give the repository that it belongs to")
    return None


def _is_inside(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return bool(parts) and not path.startswith("/") and ".." not in parts and not any(part.lower() == ".git" for part in parts)
