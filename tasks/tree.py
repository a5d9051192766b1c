"""A repository tree as it is given to an agent: its files, its digest, and the snapshot that fills a box.

A snapshot holds the files and a git directory with one root commit, whose author and dates are fixed: the same files give the same commit
everywhere, and there is no history from which a fix could be read.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from tasks.errors import TaskError

MAXIMUM_FILES = 20_000
MAXIMUM_BYTES = 256 * 1024 * 1024
_COMMIT_SECONDS = 1_767_225_600  # 2026-01-01, also the time stamp of every file
_AGENT_ID = 1000
_GIT_ENVIRONMENT = {
    "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "base",
    "GIT_AUTHOR_EMAIL": "base@localhost",
    "GIT_AUTHOR_DATE": f"{_COMMIT_SECONDS} +0000",
    "GIT_COMMITTER_NAME": "base",
    "GIT_COMMITTER_EMAIL": "base@localhost",
    "GIT_COMMITTER_DATE": f"{_COMMIT_SECONDS} +0000",
}


_PLAIN_HEADER = re.compile(r"a/(\S+) b/\1\n--- a/\1\n\+\+\+ b/\1\n")
_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+\d+(?:,\d+)? @@")


@dataclass(frozen=True)
class RepositoryTree:
    """Regular files by their path in the repository, and which of them are executable."""

    files: Mapping[str, bytes]
    executables: frozenset[str] = frozenset()

    @cached_property
    def digest(self) -> str:
        """sha256 over paths, modes and contents, in hex."""
        digest = hashlib.sha256()
        for path in sorted(self.files):
            content = self.files[path]
            digest.update(f"{path}\0{int(path in self.executables)}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()

    @cached_property
    def snapshot(self) -> Snapshot:
        """Made once a tree; needs git on this machine, which runs nothing of the tree's own."""
        with tempfile.TemporaryDirectory(prefix="harness-tree-") as scratch:
            root = Path(scratch)
            write_files(root, self)
            _git(root, "init", "--quiet", "--template=", "--initial-branch=main")
            _git(root, "add", "--all", "--force", ".")
            _git(root, "commit", "--quiet", "--message=Base", "--allow-empty", "--no-gpg-sign")
            _git(root, "repack", "-a", "-d", "--quiet")
            commit = _git(root, "rev-parse", "HEAD").strip()
            (root / ".git/COMMIT_EDITMSG").unlink(missing_ok=True)
            (root / ".git/info").mkdir(exist_ok=True)
            (root / ".git/info/exclude").write_text("node_modules/\n", encoding="utf-8")  # runners keep caches there
            packed = io.BytesIO()
            with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive:
                for path in sorted(self.files):
                    _add(archive, path, self.files[path], executable=path in self.executables)
                for directory in ("objects", "objects/info", "objects/pack", "refs", "refs/heads", "refs/tags"):
                    _add_directory(archive, f".git/{directory}")
                for file in sorted(entry for entry in (root / ".git").rglob("*") if entry.is_file()):
                    _add(archive, file.relative_to(root).as_posix(), file.read_bytes(), executable=False)
            return Snapshot(commit=commit, archive=packed.getvalue())

    def patched(self, patch: str) -> RepositoryTree:
        """The tree after `patch`. TaskError when it does not apply."""
        if (exact := _applied(self.files, patch)) is not None:
            return RepositoryTree(exact, self.executables)
        with tempfile.TemporaryDirectory(prefix="harness-tree-") as scratch:
            root = Path(scratch)
            write_files(root, self)
            _git(root, "apply", "--whitespace=nowarn", "-", stdin=patch)
            return read_tree(root)


@dataclass(frozen=True, slots=True)
class Snapshot:
    commit: str
    """Of the one root commit."""
    archive: bytes
    """A tar archive of the tree and its `.git`."""


def read_tree(root: Path, *, skip: Collection[str] = ()) -> RepositoryTree:
    """All files below `root` but what is in directories of the names in `skip`. TaskError: links, special files, a `.git`, names that are not UTF-8, or too much of it."""
    files: dict[str, bytes] = {}
    executables = set()
    size = 0
    for directory, names, entries in os.walk(root):
        names[:] = sorted(name for name in names if name not in skip)
        here = Path(directory)
        for name in [*names, *entries]:
            entry = here / name
            path = entry.relative_to(root).as_posix()
            if name == ".git":
                raise TaskError(f"{entry}: a repository tree has no .git of its own")
            if entry.is_symlink() or not (entry.is_dir() or entry.is_file()):
                raise TaskError(f"{entry}: only regular files can be in a repository tree")
            if entry.is_dir():
                continue
            try:
                path.encode()
            except UnicodeEncodeError:
                raise TaskError(f"{entry!r}: the name is not UTF-8") from None
            files[path] = entry.read_bytes()
            size += len(files[path])
            if entry.stat().st_mode & 0o100:
                executables.add(path)
            if len(files) > MAXIMUM_FILES or size > MAXIMUM_BYTES:
                raise TaskError(f"{root}: more than {MAXIMUM_FILES} files or {MAXIMUM_BYTES} bytes")
    if not files:
        raise TaskError(f"{root}: there is no file in it")
    return RepositoryTree(files, frozenset(executables))


def write_files(root: Path, tree: RepositoryTree) -> None:
    for path, content in tree.files.items():
        pure = PurePosixPath(path)
        if pure.is_absolute() or ".." in pure.parts or ".git" in pure.parts:
            raise TaskError(f"{path}: not a path inside a repository")
        file = root / pure
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        if path in tree.executables:
            file.chmod(0o755)


def _applied(files: Mapping[str, bytes], patch: str) -> dict[str, bytes] | None:
    """The files after a patch whose hunks all change files that are there and stand where they say; None where git is to be asked.

    Thousands of tasks are loaded at once, each with a small patch of our own making.
    """
    parts = re.split(r"^diff --git ", patch, flags=re.MULTILINE)
    changed = dict(files)
    for part in parts[1:]:
        header = _PLAIN_HEADER.match(part)
        if parts[0] or header is None or header[1] not in files or "\n\\" in part:
            return None
        lines = re.findall(r"[^\n]*\n|[^\n]+\Z", files[header[1]].decode("utf-8", "surrogateescape"))
        after: list[str] = []
        done = 0
        body = part[header.end() :]
        for hunk in re.split(r"^(?=@@ )", body, flags=re.MULTILINE)[1:]:
            head, _, rest = hunk.partition("\n")
            numbers = _HUNK.match(head)
            text = re.findall(r"[^\n]*\n|[^\n]+\Z", rest)
            if numbers is None or any(line[0] not in " +-" for line in text):
                return None
            before = [line[1:] for line in text if line[0] != "+"]
            start = int(numbers[1]) - (1 if before else 0)
            if start < done or lines[start : start + len(before)] != before or int(numbers[2] or 1) != len(before):
                return None
            after += [*lines[done:start], *(line[1:] for line in text if line[0] != "-")]
            done = start + len(before)
        changed[header[1]] = "".join([*after, *lines[done:]]).encode("utf-8", "surrogateescape")
    return changed if len(parts) > 1 else None


def _git(root: Path, *arguments: str, stdin: str | None = None) -> str:
    configuration = ("-c", "core.autocrlf=false", "-c", "core.safecrlf=false", "-c", "core.logAllRefUpdates=false", "-c", "gc.auto=0")
    done = subprocess.run(
        ["git", *configuration, *arguments],
        cwd=root,
        env=_GIT_ENVIRONMENT,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise TaskError(f"git {arguments[0]}: {(done.stderr.strip() or 'failed').splitlines()[0]}")
    return done.stdout


def _add(archive: tarfile.TarFile, path: str, content: bytes, *, executable: bool) -> None:
    entry = tarfile.TarInfo(path)
    entry.size = len(content)
    entry.mode = 0o755 if executable else 0o644
    entry.mtime = _COMMIT_SECONDS
    entry.uid = entry.gid = _AGENT_ID
    archive.addfile(entry, io.BytesIO(content))


def _add_directory(archive: tarfile.TarFile, path: str) -> None:
    entry = tarfile.TarInfo(path)
    entry.type = tarfile.DIRTYPE
    entry.mode = 0o755
    entry.mtime = _COMMIT_SECONDS
    entry.uid = entry.gid = _AGENT_ID
    archive.addfile(entry)
