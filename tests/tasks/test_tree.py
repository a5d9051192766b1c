"""Trees, and the snapshots that fill a box."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.errors import TaskError
from tasks.patches import patch_of_files
from tasks.tree import RepositoryTree, read_tree, write_files

TREE = RepositoryTree(
    {
        "src/a.ts": b"a\n",
        "bin/run": b"#!/bin/sh\n",
        "dist/kept.js": b"ignored and yet there\n",
        ".gitignore": b"dist/\n",
        "ä b.txt": b"\xff\r\n",
    },
    frozenset({"bin/run"}),
)

names = st.text(st.sampled_from("abcXYZ019-_ äé."), min_size=1, max_size=6).filter(lambda name: name.strip(". ") != "")
paths = st.lists(names, min_size=1, max_size=2).map("/".join)


def _no_file_is_a_directory(files: dict[str, bytes]) -> bool:
    return not any(other.startswith(f"{path}/") for path in files for other in files)


trees = st.dictionaries(paths, st.binary(max_size=20), min_size=1, max_size=4).filter(_no_file_is_a_directory)


def git(root: Path, *arguments: str) -> str:
    environment = {"PATH": os.environ["PATH"], "HOME": str(root), "GIT_CONFIG_NOSYSTEM": "1"}
    return subprocess.run(["git", *arguments], cwd=root, env=environment, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture(scope="module")
def laid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The snapshot of TREE, unpacked."""
    root = tmp_path_factory.mktemp("laid")
    with tarfile.open(fileobj=io.BytesIO(TREE.snapshot.archive)) as archive:
        archive.extractall(root, filter="data")
    return root


def test_a_snapshot_has_one_root_commit_and_nothing_else_to_read(laid: Path) -> None:
    assert git(laid, "rev-list", "--all", "--reflog", "--parents") == TREE.snapshot.commit
    assert git(laid, "rev-parse", "HEAD") == TREE.snapshot.commit
    assert git(laid, "for-each-ref", "--format=%(refname)") == "refs/heads/main"
    assert git(laid, "fsck", "--unreachable", "--no-reflogs", "--no-progress") == ""


def test_a_snapshot_has_no_remotes_tags_reflog_or_hooks(laid: Path) -> None:
    assert git(laid, "remote") == ""
    assert git(laid, "tag") == ""
    assert git(laid, "reflog") == ""
    for absent in ("logs", "hooks", "COMMIT_EDITMSG", "FETCH_HEAD", "ORIG_HEAD"):
        assert not (laid / ".git" / absent).exists()


def test_a_laid_snapshot_is_clean_and_holds_every_file_as_it_was(laid: Path) -> None:
    assert git(laid, "status", "--porcelain") == ""
    tracked = git(laid, "-c", "core.quotepath=false", "ls-tree", "-r", "--name-only", "HEAD").splitlines()
    assert sorted(tracked) == sorted(TREE.files)
    assert {path: (laid / path).read_bytes() for path in TREE.files} == TREE.files
    assert [path for path in TREE.files if (laid / path).stat().st_mode & 0o100] == ["bin/run"]


def test_packages_are_not_seen_as_changes(laid: Path) -> None:
    assert "node_modules/" in (laid / ".git/info/exclude").read_text()


def test_everything_in_a_snapshot_belongs_to_the_agent() -> None:
    with tarfile.open(fileobj=io.BytesIO(TREE.snapshot.archive)) as archive:
        entries = archive.getmembers()
    assert {(entry.uid, entry.gid) for entry in entries} == {(1000, 1000)}
    assert len({entry.mtime for entry in entries}) == 1
    assert {entry.mode for entry in entries if entry.name != "bin/run" and entry.isfile()} == {0o644}


def test_the_same_files_give_the_same_commit_in_any_order_and_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_AUTHOR_NAME", "somebody")
    monkeypatch.setenv("GIT_COMMITTER_DATE", "1 +0100")
    monkeypatch.setenv("GIT_DIR", "/nonexistent")
    again = RepositoryTree(dict(reversed(TREE.files.items())), frozenset({"bin/run"}))
    assert again.snapshot.commit == TREE.snapshot.commit
    assert again.digest == TREE.digest


@pytest.mark.parametrize(
    "other",
    [
        RepositoryTree({**TREE.files, "src/a.ts": b"b\n"}, TREE.executables),
        RepositoryTree({**TREE.files, "src/b.ts": b"a\n"}, TREE.executables),
        RepositoryTree(TREE.files),
        RepositoryTree({**TREE.files, "ä b.txt": b"\xff\n"}, TREE.executables),
    ],
    ids=["content", "another file", "not executable", "line end"],
)
def test_other_files_give_another_commit_and_digest(other: RepositoryTree) -> None:
    assert other.snapshot.commit != TREE.snapshot.commit
    assert other.digest != TREE.digest


@settings(max_examples=50)
@given(trees, trees)
def test_digests_are_equal_only_for_equal_files(one: dict[str, bytes], other: dict[str, bytes]) -> None:
    assert (RepositoryTree(one).digest == RepositoryTree(other).digest) == (one == other)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=trees, chosen=st.randoms())
def test_what_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes], chosen: object) -> None:
    executables = frozenset(path for path in sorted(files) if chosen.random() < 0.5)  # type: ignore[attr-defined]
    tree = RepositoryTree(files, executables)
    root = tmp_path_factory.mktemp("tree")
    write_files(root, tree)
    assert read_tree(root) == tree


def test_a_patched_tree_has_the_new_files_and_keeps_modes() -> None:
    patched = TREE.patched(patch_of_files(TREE.files, {"src/a.ts": b"b\n", "src/new.ts": b"new\n"}))
    assert patched.files == {**TREE.files, "src/a.ts": b"b\n", "src/new.ts": b"new\n"}
    assert patched.executables == {"bin/run"}


def test_a_patch_for_other_files_is_refused() -> None:
    with pytest.raises(TaskError, match=r"git apply: .*missing\.ts"):
        TREE.patched(patch_of_files({"missing.ts": b"a\n"}, {"missing.ts": b"b\n"}))


@pytest.mark.parametrize("target", ["a.ts", "/etc/passwd", "nowhere", "directory"])
def test_a_symbolic_link_is_refused_by_name(tmp_path: Path, target: str) -> None:
    (tmp_path / "a.ts").write_text("a")
    (tmp_path / "directory").mkdir()
    (tmp_path / "link").symlink_to(target)
    with pytest.raises(TaskError, match="link: only regular files"):
        read_tree(tmp_path)


def test_a_special_file_is_refused_by_name(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(TaskError, match="pipe: only regular files"):
        read_tree(tmp_path)


@pytest.mark.parametrize("place", [".git", "vendored/.git"])
@pytest.mark.parametrize("is_directory", [True, False])
def test_a_git_directory_is_refused_by_name(tmp_path: Path, place: str, is_directory: bool) -> None:
    (tmp_path / "a.ts").write_text("a")
    entry = tmp_path / place
    entry.parent.mkdir(exist_ok=True)
    entry.mkdir() if is_directory else entry.write_text("gitdir: /elsewhere")
    with pytest.raises(TaskError, match=rf"{place}: a repository tree has no \.git"):
        read_tree(tmp_path)


def test_a_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff.ts")).write_text("a")
    with pytest.raises(TaskError, match="not UTF-8"):
        read_tree(tmp_path)


@pytest.mark.parametrize("make", [True, False], ids=["empty", "not there"])
def test_a_tree_without_files_is_refused(tmp_path: Path, make: bool) -> None:
    root = tmp_path / "tree"
    if make:
        (root / "empty/directories").mkdir(parents=True)
    with pytest.raises(TaskError, match="there is no file in it"):
        read_tree(root)


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "0").write_text("")
    for number in range(1, 20_001):
        os.link(tmp_path / "0", tmp_path / str(number))
    with pytest.raises(TaskError, match="more than 20000 files"):
        read_tree(tmp_path)


@pytest.mark.parametrize("path", ["../escaped", "a/../../escaped", "/tmp/escaped", ".git/config", "sub/.git/hooks/x"])
def test_a_path_outside_of_the_tree_is_not_written(tmp_path: Path, path: str) -> None:
    root = tmp_path / "root"
    with pytest.raises(TaskError, match="not a path inside a repository"):
        write_files(root, RepositoryTree({path: b"x"}))
    assert list(tmp_path.rglob("*")) == []
