"""A clone is data: its trees, its commits; nothing in it is run, whatever its configuration says."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tasks.errors import TaskError
from tasks.synthesis.clone import Clone, open_clone


def test_a_bare_clone_and_a_normal_one_give_the_same(tmp_path: Path, make_commit: Any) -> None:
    make_commit(tmp_path / "one", "First", {"a.ts": "1\n", "pkg/b.ts": "2\n"})
    sha = make_commit(tmp_path / "one", "fix: the second\n\nWith a body.", {"a.ts": "3\n", "pkg/b.ts": None})
    subprocess.run(["git", "clone", "--quiet", "--bare", tmp_path / "one", tmp_path / "bare.git"], check=True)
    normal, bare = open_clone(tmp_path / "one"), open_clone(tmp_path / "bare.git")
    assert normal is not None
    assert bare is not None
    for clone in (normal, bare):
        assert clone.resolve("HEAD") == sha
        assert clone.tree(sha)[0].files == {"a.ts": b"3\n"}
        second, first = clone.commits(since=None, below="")
        assert (second.subject, second.body, second.parent) == ("fix: the second", "With a body.", first.sha)
        assert second.changes == (("M", "a.ts"), ("D", "pkg/b.ts"))
        assert first.parent is None
        assert clone.tree(first.sha, "pkg")[0].files == {"b.ts": b"2\n"}


def test_the_configuration_of_a_clone_runs_nothing(tmp_path: Path, make_commit: Any) -> None:
    root = tmp_path / "one"
    make_commit(root, "First", {"a.ts": "1\n", ".gitattributes": "* diff=evil filter=evil\n"})
    sha = make_commit(root, "Second", {"a.ts": "2\n"})
    touch = f"touch {tmp_path}/ran #"
    configuration = "".join(
        f"[{section}]\n\t{key} = {touch}\n"
        for section, key in (("core", "fsmonitor"), ("core", "pager"), ("diff", "external"), ('diff "evil"', "textconv"),
                             ('diff "evil"', "command"), ('filter "evil"', "smudge"), ('filter "evil"', "clean"))
    )  # fmt: skip
    (root / ".git/config").write_text((root / ".git/config").read_text() + configuration)
    clone = open_clone(root)
    assert clone is not None
    assert clone.commit(sha).changes == (("M", "a.ts"),)
    assert clone.tree(sha)[0].files["a.ts"] == b"2\n"
    assert not (tmp_path / "ran").exists()


def test_links_submodules_and_names_that_are_not_utf_8_are_left_out_and_named(tmp_path: Path, make_commit: Any) -> None:
    root = tmp_path / "one"
    root.mkdir()
    (root / "link").symlink_to("/etc/passwd")
    (Path(str(root)) / "nam\udce9.ts").write_text("1")
    sha = make_commit(root, "First", {"a.ts": "1\n", "b.bin": b"\xff\xfe\x00"})
    clone = open_clone(root)
    assert clone is not None
    tree, left_out = clone.tree(sha)
    assert set(tree.files) == {"a.ts", "b.bin"}
    assert sorted(left_out) == ["b'nam\\xe9.ts': its name is not UTF-8", "link: a link"]


def test_what_is_no_clone_or_no_commit_is_said(tmp_path: Path, make_commit: Any) -> None:
    assert open_clone(tmp_path) is None
    make_commit(tmp_path / "one", "First", {"a.ts": "1\n"})
    clone = open_clone(tmp_path / "one")
    assert clone is not None
    with pytest.raises(TaskError, match="no commit 'no-such'"):
        clone.resolve("no-such")
    with pytest.raises(TaskError, match="no directory 'packages'"):
        clone.listing(clone.resolve("HEAD"), "packages")
    with pytest.raises(TaskError, match="not a git repository"):
        Clone(tmp_path / "nothing").commits(since=None, below="")


def test_a_history_of_many_large_files_is_not_read(tmp_path: Path, make_commit: Any) -> None:
    """What is asked of a history is names; of its files only those of the commit that is wanted are read."""
    root = tmp_path / "one"
    for number in range(3):
        make_commit(root, f"Large {number}", {"large.bin": bytes([number]) * 30_000_000, "a.ts": f"{number}\n"})
    sha = make_commit(root, "Small again", {"large.bin": None})
    clone = open_clone(root)
    assert clone is not None
    assert clone.tree(sha)[0].files == {"a.ts": b"2\n"}
    assert len(clone.commits(since=None, below="")) == 4
