"""Patches as data: what of them is kept, what is stripped, and what cannot be read."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.patches import MalformedPatchError, changed_paths, filter_patch, matching, patch_of_files, protected_paths, split_patch
from tasks.task import Stripped, Task
from tasks.tree import RepositoryTree

MakeTask = Callable[..., Task]


def edit(path: str, *, quoted: str | None = None) -> str:
    """A patch that changes one line of a file."""
    old, new = (f'"a/{quoted}"', f'"b/{quoted}"') if quoted else (f"a/{path}", f"b/{path}")
    return f"diff --git {old} {new}\n--- {old}\n+++ {new}\n@@ -1 +1 @@\n-old\n+new\n"


def move(old: str, new: str, verb: str = "rename") -> str:
    return f"diff --git a/{old} b/{new}\nsimilarity index 100%\n{verb} from {old}\n{verb} to {new}\n"


def new_file(path: str, mode: str, content: str = "x") -> str:
    return f"diff --git a/{path} b/{path}\nnew file mode {mode}\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+{content}\n\\ No newline at end of file\n"


KEPT = edit("src/sum.ts")


def test_source_files_are_kept_word_by_word(make_task: MakeTask) -> None:
    patch = KEPT + new_file("src/new.ts", "100644") + new_file("bin/run", "100755") + edit("docs/readme.md")
    assert filter_patch(patch, make_task()) == (patch, ())


@pytest.mark.parametrize(
    "path",
    [
        "test/old.test.ts", "test/fixtures/a.json", "tests/a.ts", "__tests__/a.ts", "__snapshots__/a.snap", "src/a.test.ts", "src/a.spec.tsx",
        "src/deep/a.test-d.ts", "src/a.snap", "packages/one/test/kit.ts", "packages/one/tests/kit.ts", "spec/kit.ts", "a/specs/kit.ts",
        "a/fixtures/b.json", "src/__fixtures__/a.ts", "src/__mocks__/a.ts", "src/__tests__/kit.ts", "src/test-utils.ts", "src/test_utils/a.ts", "src/testUtils.ts", "src/test.helpers.ts", "src/testHelper.ts", "src/setupTests.ts",
        "package.json", "packages/one/package.json", "package-lock.json", "pnpm-lock.yaml", "yarn.lock",
        "tsconfig.json", "tsconfig.build.json", "packages/one/tsconfig.json", "jsconfig.json",
        "vitest.config.ts", "vitest.workspace.json", "vite.config.mts", "jest.config.js", "eslint.config.js", "oxlint.config.ts",
        "src/oxlint.config.mts", "node_modules/a/index.js", "src/node_modules/a.js",
        ".npmrc", ".gitignore", "src/.oxlintrc.json", ".github/workflows/ci.yml", "src/.hidden/a.ts",
    ],
)  # fmt: skip
def test_a_protected_path_is_stripped_and_the_rest_kept(make_task: MakeTask, path: str) -> None:
    stripped = (Stripped(path=path, reason="protected"),)
    assert filter_patch(edit(path) + KEPT, make_task()) == (KEPT, stripped)
    assert filter_patch(KEPT + new_file(path, "100644"), make_task()) == (KEPT, stripped)


@pytest.mark.parametrize(
    "path", ["src/testing.ts", "src/test.ts", "src/latest-utils.ts", "src/package.ts", "latest/a.ts", "src/tsconfig.ts", "a.b/c.ts"]
)
def test_a_path_that_only_resembles_a_protected_one_is_kept(make_task: MakeTask, path: str) -> None:
    assert filter_patch(edit(path), make_task()) == (edit(path), ())


def test_the_tasks_own_test_patterns_are_protected(make_task: MakeTask) -> None:
    task = make_task(test_files=("spec/**/*.ts",), type_test_files=("types/*.ts",))
    _, stripped = filter_patch(edit("spec/a/b.ts") + edit("types/a.ts") + edit("src/types/a.ts"), task)
    assert [part.path for part in stripped] == ["spec/a/b.ts", "types/a.ts"]


def test_what_the_compilers_settings_extend_is_protected_unless_editable(make_task: MakeTask) -> None:
    tree = RepositoryTree({"tsconfig.json": b'{"extends": "./settings/base"}', "settings/base.json": b"{}", "settings/other.json": b"{}"})
    _, stripped = filter_patch(
        edit("settings/base.json") + new_file("settings/base", "100644") + edit("settings/other.json"), make_task(tree=tree)
    )
    assert [part.path for part in stripped] == ["settings/base.json", "settings/base"]
    assert not protected_paths(make_task(tree=tree, editable=("settings/*",))).match_file("settings/base.json")


def test_what_a_task_makes_editable_is_kept(make_task: MakeTask) -> None:
    task = make_task(editable=("package.json", "test/fixtures/**"))
    kept = edit("package.json") + edit("test/fixtures/a.json")
    assert filter_patch(kept + edit("test/a.ts"), task) == (kept, (Stripped(path="test/a.ts", reason="protected"),))


@pytest.mark.parametrize("path", ["src/fixture.json", "src/[id]/page.ts", "!important.ts", "src/a b.ts", "src/wh*t?.ts", "src/{a,b}.ts"])
def test_files_of_the_hidden_tests_are_protected_even_where_editable(make_task: MakeTask, path: str) -> None:
    task = make_task(test_patch=patch_of_files({}, {path: b"hidden\n"}), editable=("src/**", "*.ts"))
    assert protected_paths(task).match_file(path)
    assert not protected_paths(task).match_file("src/i/page.ts")
    assert filter_patch(edit(path) + KEPT, task) == (KEPT, (Stripped(path=path, reason="protected"),))


@pytest.mark.parametrize("verb", ["rename", "copy"])
@pytest.mark.parametrize(
    ("old", "new"), [("package.json", "src/a.ts"), ("src/a.ts", "package.json"), ("test/a.ts", "src/b.ts"), ("src/b.ts", ".npmrc")]
)
def test_a_move_out_of_or_into_a_protected_path_is_stripped(make_task: MakeTask, old: str, new: str, verb: str) -> None:
    assert filter_patch(KEPT + move(old, new, verb), make_task()) == (KEPT, (Stripped(path=new, reason="protected"),))


def test_a_move_between_source_files_is_kept(make_task: MakeTask) -> None:
    assert filter_patch(move("src/a.ts", "src/b.ts"), make_task()) == (move("src/a.ts", "src/b.ts"), ())


def test_a_removed_test_is_stripped(make_task: MakeTask) -> None:
    patch = "diff --git a/test/a.ts b/test/a.ts\ndeleted file mode 100644\n--- a/test/a.ts\n+++ /dev/null\n@@ -1 +0,0 @@\n-old\n"
    assert filter_patch(patch, make_task()) == ("", (Stripped(path="test/a.ts", reason="protected"),))


@pytest.mark.parametrize("mode", ["120000", "160000", "040000"])
def test_links_and_submodules_are_stripped(make_task: MakeTask, mode: str) -> None:
    assert filter_patch(new_file("src/link", mode, "/etc/passwd") + KEPT, make_task()) == (
        KEPT,
        (Stripped(path="src/link", reason="not_a_regular_file"),),
    )


def test_a_file_that_becomes_a_link_is_stripped(make_task: MakeTask) -> None:
    patch = "diff --git a/src/sum.ts b/src/sum.ts\nold mode 100644\nnew mode 120000\n"
    assert filter_patch(patch, make_task()) == ("", (Stripped(path="src/sum.ts", reason="not_a_regular_file"),))


def test_a_file_that_becomes_executable_is_kept(make_task: MakeTask) -> None:
    patch = "diff --git a/src/sum.ts b/src/sum.ts\nold mode 100644\nnew mode 100755\n"
    assert filter_patch(patch, make_task()) == (patch, ())


def test_a_mode_in_a_files_content_is_not_a_mode(make_task: MakeTask) -> None:
    patch = patch_of_files({}, {"src/a.txt": b"x\nnew file mode 120000\n"})
    assert filter_patch(patch, make_task()) == (patch, ())


@pytest.mark.parametrize("path", ["src/a\n/workspace/repo/test/a.ts", "src/a\rb.ts", "src/a\u2028b.ts", "src/\x1b[2Ja.ts"])
def test_a_name_that_would_be_another_in_a_list_is_stripped(make_task: MakeTask, path: str) -> None:
    quoted = "".join(f"\\{byte:03o}" if byte < 32 or byte > 126 else chr(byte) for byte in path.encode())
    assert filter_patch(edit(path, quoted=quoted) + KEPT, make_task(test_files=())) == (
        KEPT,
        (Stripped(path=path, reason="unreadable_name"),),
    )


@pytest.mark.parametrize("path", ["../outside.ts", "src/../../outside.ts", "/etc/passwd", ".git/hooks/pre-commit", "src/.git/config"])
def test_a_path_outside_of_the_repository_is_stripped(make_task: MakeTask, path: str) -> None:
    assert filter_patch(edit(path) + KEPT, make_task()) == (KEPT, (Stripped(path=path, reason="outside"),))


@pytest.mark.parametrize(
    ("path", "quoted"),
    [
        ("test/ä.ts", r"test/\303\244.ts"),
        (".npmrc\n", r".npmrc\n"),
        ("package.json", r"package\056json"),
        ('test/"a".ts', r"test/\"a\".ts"),
        ("tests/\t\\.ts", r"tests/\t\\.ts"),
    ],
)
def test_a_quoted_name_is_read_as_git_reads_it(make_task: MakeTask, path: str, quoted: str) -> None:
    assert changed_paths(edit(path, quoted=quoted)) == [path]
    assert filter_patch(edit(path, quoted=quoted) + KEPT, make_task()) == (KEPT, (Stripped(path=path, reason="protected"),))


@pytest.mark.parametrize("quoted", [r"src/\x.ts", r"src/\u4e2d.ts", r"\N{unknown}.ts", "\udcff.ts"])
def test_a_quoted_name_that_git_would_not_write_is_malformed(quoted: str) -> None:
    with pytest.raises(MalformedPatchError, match="quoted name"):
        list(split_patch(edit("", quoted=quoted)))


@pytest.mark.parametrize(
    "patch",
    [
        "this is no patch\n",
        "```diff\nsome words\n```\n",
        "--- a/x.ts\n+++ b/x.ts\n@@ -1,3 +1,3 @@\n-one line where three were promised\n",
        "+++ b/x.ts\n@@ -1 +1 @@\n-a\n+b\n",
        "@@ -1 +1 @@\n-a\n+b\n",
        "--- /dev/null\n+++ /dev/null\n@@ -0,0 +1 @@\n+x\n",
        "diff --git \n",
    ],
    ids=["prose", "fenced prose", "short hunk", "no old name", "no file", "no name", "empty header"],
)
def test_text_that_is_no_patch_is_malformed(make_task: MakeTask, patch: str) -> None:
    with pytest.raises(MalformedPatchError):
        filter_patch(patch, make_task())


@pytest.mark.parametrize("patch", ["", "\n", "  \n\n"])
def test_nothing_is_an_empty_patch(make_task: MakeTask, patch: str) -> None:
    assert filter_patch(patch, make_task()) == ("", ())


def plain(path: str) -> str:
    return f"--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-old\n+new\n"


def test_a_second_file_under_one_git_header_is_malformed(make_task: MakeTask) -> None:
    with pytest.raises(MalformedPatchError, match="several files"):
        filter_patch(KEPT + plain("package.json"), make_task())


@pytest.mark.parametrize(
    "patch",
    [
        "diff --git a/src/sum.ts b/src/sum.ts\n" + plain("package.json"),
        "diff --git a/src/sum.ts b/src/sum.ts\nrename from package.json\nrename to src/sum.ts\n",
        "diff --git a/src/sum.ts b/src/sum.ts\nsimilarity index 90%\nrename from src/sum.ts\nrename to package.json\n"
        + plain("src/sum.ts"),
        "diff --git a/src/sum.ts b/src/sum.ts\n--- a/package.json\n+++ b/src/sum.ts\n@@ -1 +1 @@\n-old\n+new\n",
    ],
    ids=["other name below", "moved from", "moved to", "other source"],
)
def test_a_protected_path_behind_another_header_is_not_kept(make_task: MakeTask, patch: str) -> None:
    try:
        kept, stripped = filter_patch(patch, make_task())
    except MalformedPatchError:
        return
    assert kept == ""
    assert [part.reason for part in stripped] == ["protected"]


def test_a_patch_without_git_headers_is_taken_file_by_file(make_task: MakeTask) -> None:
    kept, stripped = filter_patch(plain("src/sum.ts") + plain("package.json") + plain("src/other.ts"), make_task())
    assert changed_paths(kept) == ["src/sum.ts", "src/other.ts"]
    assert kept.count("\n-old\n+new\n") == 2
    assert stripped == (Stripped(path="package.json", reason="protected"),)


def test_words_before_the_first_header_are_dropped(make_task: MakeTask) -> None:
    assert filter_patch("From: me\nSubject: [PATCH] it\n\n" + KEPT, make_task()) == (KEPT, ())


def test_changed_paths_are_in_the_patchs_order() -> None:
    assert changed_paths(edit("z.ts") + move("old.ts", "new.ts") + edit("a.ts")) == ["z.ts", "new.ts", "a.ts"]


def test_matching_paths_are_sorted_and_follow_gitignore() -> None:
    paths = ["test/b.test.ts", "test/deep/a.test.ts", "src/a.ts", "test/helper.ts"]
    assert matching(paths, ["test/**/*.test.ts"]) == ["test/b.test.ts", "test/deep/a.test.ts"]
    assert matching(paths, ["*.ts", "!src/**"]) == ["test/b.test.ts", "test/deep/a.test.ts", "test/helper.ts"]
    assert matching(paths, []) == []


def test_a_file_that_is_not_text_has_no_patch() -> None:
    with pytest.raises(UnicodeDecodeError):
        patch_of_files({}, {"a.bin": b"\xff"})


def test_a_file_that_stays_as_it_is_has_no_patch() -> None:
    assert patch_of_files({"a.ts": b"a\n", "b.ts": b"b"}, {"a.ts": b"a\n"}) == ""


names = st.text(st.sampled_from("abz019-_.[]{}!*ä "), min_size=1, max_size=6).map(lambda name: f"f{name}x")
contents = st.lists(
    st.sampled_from(
        ["a", "b", "", "-- a/x", "++ b/x", "@@ -1 +1 @@", "diff --git a/x b/x", "\\ No newline at end of file", "\u2028", "ä\r", "\f"]
    ),
    max_size=8,
).map("\n".join)


@settings(max_examples=40, deadline=None)
@given(old=st.dictionaries(names, contents, max_size=3), more=st.dictionaries(names, contents, max_size=2), data=st.data())
def test_git_turns_the_old_files_into_the_new_ones(
    tmp_path_factory: pytest.TempPathFactory, old: dict[str, str], more: dict[str, str], data: st.DataObject
) -> None:
    new = more | {path: data.draw(contents) for path in old if path not in more}
    old_bytes = {path: content.encode() for path, content in old.items()}
    new_bytes = {path: content.encode() for path, content in new.items()}
    patch = patch_of_files(old_bytes, new_bytes)
    root: Path = tmp_path_factory.mktemp("applied")
    for path, content in old_bytes.items():
        (root / path).write_bytes(content)
    if patch:
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_CONFIG_NOSYSTEM": "1",
            "HOME": str(root),
            "GIT_CEILING_DIRECTORIES": str(root.parent),
        }
        subprocess.run(
            ["git", "apply", "--whitespace=nowarn", "-"], cwd=root, env=environment, input=patch.encode(), check=True, capture_output=True
        )
    assert {file.name: file.read_bytes() for file in root.iterdir()} == old_bytes | new_bytes
    assert changed_paths(patch) == sorted(path for path in new if old.get(path) != new[path])
    assert "".join(part.text for part in split_patch(patch)) == patch


@settings(max_examples=100)
@given(
    st.lists(
        st.sampled_from(
            [
                KEPT,
                "--- a/x\n",
                "+++ b/x\n",
                "@@ -1 +1 @@\n",
                "-a\n",
                "+b\n",
                "\\ No newline\n",
                "rename from x\n",
                'diff --git "a/\\',
                "\udcff",
                "\0",
            ]
        )
    )
)
def test_any_text_is_a_patch_or_malformed(parts: list[str]) -> None:
    try:
        found = list(split_patch("".join(parts)))
    except MalformedPatchError:
        return
    assert all(part.paths for part in found)
