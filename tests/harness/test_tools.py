"""The agent's tools: their schemas, and what their calls do in live boxes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.tools import TOOLS, Bash, Edit, Search, Submit, ToolLimits, View, lines_of, occurrences, schemas, trim
from sandboxes.sandbox import REPOSITORY, Sandbox
from tests.harness.fakes import MemoryBox

LIMITS = ToolLimits(command_seconds=20, output_characters=2000)
FILE = f"{REPOSITORY}/f.txt"


def edited(before: str, **call) -> tuple[str, str]:
    """What an edit of f.txt says, and what the file holds then."""
    box = MemoryBox({FILE: before.encode()})
    output = _finish(Edit(path="f.txt", **call).run(box, LIMITS))
    after = box.files[FILE].decode()
    assert output.failed == (output.text != "edited f.txt")
    assert not output.failed or after == before
    return output.text, after


def _finish(work):
    """The result of a coroutine that waits for nothing, as all on a box in memory."""
    with pytest.raises(StopIteration) as ended:
        work.send(None)
    return ended.value.value


# Schemas


def test_schemas_hold_nothing_that_templates_trip_over():
    text = json.dumps(schemas())
    assert "anyOf" not in text
    assert '"title"' not in text
    assert '"default"' not in text


def test_every_tool_is_described_and_names_what_it_must_have():
    required = {}
    for entry in schemas():
        assert entry["type"] == "function"
        function = entry["function"]
        assert function["description"]
        assert function["parameters"]["type"] == "object"
        required[function["name"]] = function["parameters"].get("required", [])
    assert required == {
        "bash": ["command"],
        "view": ["path"],
        "edit": ["command", "path", "new_text"],
        "search": ["pattern"],
        "submit": [],
    }
    assert list(required) == list(TOOLS)


def test_an_optional_argument_keeps_its_type_and_bounds():
    view = next(entry["function"] for entry in schemas() if entry["function"]["name"] == "view")
    line = view["parameters"]["properties"]["start_line"]
    assert line == {"type": "integer", "minimum": 1, "description": "The first line to show, from 1."}


def test_arguments_of_the_models_own_are_ignored():
    assert Submit.model_validate_json('{"summary": "done"}') == Submit()


# trim, lines, occurrences


@given(text=st.text(), limit=st.integers(2, 50))
def test_a_text_is_trimmed_to_its_ends_and_the_cut_is_counted(text, limit):
    trimmed, cut = trim(text, limit)
    if len(text) <= limit:
        assert (trimmed, cut) == (text, 0)
        return
    half = limit // 2
    assert trimmed == f"{text[:half]}\n[... {cut} bytes cut ...]\n{text[-half:]}"
    assert cut == len(text.encode("utf-8", "replace")) - len((text[:half] + text[-half:]).encode("utf-8", "replace"))


@given(text=st.text(alphabet="ab\n\r\x0c\u2028"))
def test_only_a_line_feed_ends_a_line(text):
    lines = lines_of(text)
    assert "".join(lines) == text
    assert all(line.endswith("\n") for line in lines[:-1])
    assert all("\n" not in line[:-1] for line in lines)


@given(text=st.text(alphabet="ab", max_size=12), part=st.text(alphabet="ab", min_size=1, max_size=4))
def test_every_occurrence_counts_where_they_overlap_too(text, part):
    assert occurrences(text, part) == sum(text.startswith(part, place) for place in range(len(text)))


# edit


def test_replace_changes_the_one_place():
    assert edited("one\ntwo\nthree\n", command="replace", old_text="two", new_text="2") == ("edited f.txt", "one\n2\nthree\n")


def test_replace_takes_its_texts_to_the_letter():
    assert edited(r"a\1b.*c", command="replace", old_text=r"\1b.*", new_text=r"\g<0>")[1] == r"a\g<0>c"


@pytest.mark.parametrize(
    ("before", "old", "said"),
    [
        ("a b a", "a", "stands 2 times in f.txt"),
        ("}\n}\n}\n", "}\n}\n", "stands 2 times in f.txt"),
        ("a b a", "c", "is not in f.txt"),
        ("a b a", "", "needs old_text"),
        ("a b a", None, "needs old_text"),
    ],
)
def test_a_replacement_without_one_certain_place_changes_nothing(before, old, said):
    assert said in edited(before, command="replace", old_text=old, new_text="x")[0]


@pytest.mark.parametrize(
    ("before", "line", "after"),
    [
        ("a\nb\n", 0, "new\na\nb\n"),
        ("a\nb\n", 1, "a\nnew\nb\n"),
        ("a\nb\n", 2, "a\nb\nnew\n"),
        ("a\nb", 2, "a\nb\nnew\n"),
        ("", 0, "new\n"),
        ("a\x0cb\nc\n", 1, "a\x0cb\nnew\nc\n"),
        ("a\r\nb\r\n", 1, "a\r\nnew\nb\r\n"),
    ],
)
@pytest.mark.parametrize("end", ["", "\n"])
def test_insert_puts_whole_lines_after_a_line(before, line, after, end):
    assert edited(before, command="insert", line=line, new_text=f"new{end}") == ("edited f.txt", after)


@pytest.mark.parametrize("line", [3, 10**30, None])
def test_insert_beyond_the_end_says_which_lines_there_are(line):
    assert "from 0 to 2" in edited("a\nb\n", command="insert", line=line, new_text="new")[0]


async def test_a_file_that_is_no_text_is_not_edited():
    box = MemoryBox({FILE: b"\xff\xfe\x00"})
    output = await Edit(command="insert", path="f.txt", line=0, new_text="x").run(box, LIMITS)
    assert (output.text, output.failed) == ("f.txt is not a text file", True)
    assert box.files[FILE] == b"\xff\xfe\x00"


@given(lines=st.lists(st.text("ab\r\x0c"), max_size=5), new=st.text("xy", min_size=1), place=st.integers(0, 5))
def test_an_insert_at_any_line_leaves_the_others_as_they_were(lines, new, place):
    before = "".join(f"{line}\n" for line in lines)
    place = min(place, len(lines))
    _, after = edited(before, command="insert", line=place, new_text=new)
    assert after.split("\n") == [*lines[:place], new, *lines[place:], ""]


# In live boxes


async def run(sandbox: Sandbox, tool: Bash | View | Edit | Search, limits: ToolLimits = LIMITS) -> str:
    output = await tool.run(sandbox, limits)
    assert not output.failed, output.text
    return output.text


async def fail(sandbox: Sandbox, tool: Bash | View | Edit | Search) -> str:
    output = await tool.run(sandbox, LIMITS)
    assert output.failed, output.text
    assert output.text.strip()
    return output.text


async def test_bash(sandbox):
    both = await run(sandbox, Bash(command="echo one; echo two >&2; echo three; echo four >&2"))
    assert both == "one\ntwo\nthree\nfour\n[exit code 0]"
    assert await run(sandbox, Bash(command="echo gone wrong; exit 3")) == "gone wrong\n[exit code 3]"
    assert await run(sandbox, Bash(command="true")) == "[exit code 0]"
    assert await run(sandbox, Bash(command="kill -TERM $$")) == "[killed by SIGTERM]"
    assert await run(sandbox, Bash(command="pwd\ncd /tmp\npwd")) == f"{REPOSITORY}\n/tmp\n[exit code 0]"
    assert "unexpected" in await run(sandbox, Bash(command="echo 'unclosed"))
    assert (
        await run(sandbox, Bash(command="echo started; sleep 30", timeout_seconds=0.3))
        == "started\n[timed out after 0.3 s and was stopped]"
    )
    assert "after 0.2 s" in await run(sandbox, Bash(command="sleep 30", timeout_seconds=99), ToolLimits(0.2, 2000))
    assert "[exit code 127]" in await run(sandbox, Bash(command="echo \0"))
    assert await run(sandbox, Bash(command="echo alive")) == "alive\n[exit code 0]"


async def test_long_output_is_cut_in_the_middle_and_the_cut_is_counted(sandbox):
    output = await Bash(command="echo first; head -c 5000 /dev/zero | tr '\\0' x; echo; echo last").run(sandbox, LIMITS)
    assert output.text.startswith("first\nxxx")
    assert output.text.endswith("xxx\nlast\n[exit code 0]")
    assert f"[... {output.cut_bytes} bytes cut ...]" in output.text
    assert output.cut_bytes == len("first\n") + 5000 + len("\nlast\n") - 2000
    huge = await Bash(command="echo first; head -c 3000000 /dev/zero | tr '\\0' x; echo; echo last").run(sandbox, LIMITS)
    assert huge.cut_bytes == len("first\n") + 3_000_000 + len("\nlast\n") - 2000
    assert huge.text.count("bytes cut") == 1
    assert f"[... {huge.cut_bytes} bytes cut ...]" in huge.text
    assert huge.text.endswith("last\n[exit code 0]")
    found = await Search(pattern="x", path="/tmp/many").run(sandbox, LIMITS)
    assert found.failed
    await sandbox.write("/tmp/many", b"x\n" * 5000)
    found = await Search(pattern="x", path="/tmp/many").run(sandbox, LIMITS)
    assert found.text.startswith("1:x\n")
    assert found.text.endswith("5000:x")
    assert f"[... {found.cut_bytes} bytes cut ...]" in found.text


async def test_view(sandbox):
    await sandbox.write(f"{REPOSITORY}/src/a.ts", b"one\r\ntwo\x0c2\nthree\nfour")
    await sandbox.write(f"{REPOSITORY}/empty", b"")
    await sandbox.write(f"{REPOSITORY}/binary", b"\x00\xff\x00\n\xfe")
    await sandbox.write(f"{REPOSITORY}/.git/config", b"")
    everything = await run(sandbox, View(path="src/a.ts"))
    assert everything == "     1\tone\n     2\ttwo\x0c2\n     3\tthree\n     4\tfour"
    assert await run(sandbox, View(path=f"{REPOSITORY}/src/a.ts", start_line=2, end_line=3)) == "     2\ttwo\x0c2\n     3\tthree"
    assert await run(sandbox, View(path="src/a.ts", start_line=4, end_line=99)) == "     4\tfour"
    assert "has 4 lines; there is none from 5" in await fail(sandbox, View(path="src/a.ts", start_line=5))
    assert "none from 3 to 2" in await fail(sandbox, View(path="src/a.ts", start_line=3, end_line=2))
    assert await run(sandbox, View(path="empty", start_line=3)) == "(empty file)"
    assert await run(sandbox, View(path="binary")) == "     1\t\x00\ufffd\x00\n     2\t\ufffd"
    assert await run(sandbox, View(path=".")) == "binary\nempty\nsrc/\nsrc/a.ts"
    assert await run(sandbox, View(path="src")) == "a.ts"
    assert await fail(sandbox, View(path="missing.ts")) == "missing.ts: no such file or directory"
    assert await fail(sandbox, View(path="src/a.ts/b")) == "src/a.ts/b: not a directory"
    assert await fail(sandbox, View(path="nul\0"))


async def test_edit(sandbox):
    assert await run(sandbox, Edit(command="create", path="deep/er/n.ts", new_text="a\nb\n")) == "wrote deep/er/n.ts"
    assert await run(sandbox, Edit(command="replace", path="deep/er/n.ts", old_text="b", new_text="ü")) == "edited deep/er/n.ts"
    assert await run(sandbox, Edit(command="insert", path="deep/er/n.ts", line=0, new_text="top")) == "edited deep/er/n.ts"
    assert (await sandbox.read(f"{REPOSITORY}/deep/er/n.ts")).decode() == "top\na\nü\n"
    assert await run(sandbox, Edit(command="create", path="deep/er/n.ts", new_text="")) == "wrote deep/er/n.ts"
    assert await sandbox.read(f"{REPOSITORY}/deep/er/n.ts") == b""
    assert "no such file" in await fail(sandbox, Edit(command="replace", path="missing", old_text="a", new_text="b"))
    assert "is a directory" in await fail(sandbox, Edit(command="create", path="deep", new_text="b"))
    assert await fail(sandbox, Edit(command="create", path="deep/er/n.ts/x", new_text="b")) == "deep/er/n.ts/x: file exists"


async def test_search(sandbox):
    await sandbox.write(f"{REPOSITORY}/src/a.ts", b"const one = 1;\nfoo(--flag);\n")
    await sandbox.write(f"{REPOSITORY}/src/b.md", b"one more\n")
    assert await run(sandbox, Search(pattern="on[e]")) == "./src/a.ts:1:const one = 1;\n./src/b.md:1:one more"
    assert await run(sandbox, Search(pattern="one", glob="*.md")) == "./src/b.md:1:one more"
    assert await run(sandbox, Search(pattern="one", path="src")) == "src/a.ts:1:const one = 1;\nsrc/b.md:1:one more"
    assert "const one" in await run(sandbox, Search(pattern="one", path="src/a.ts"))
    assert await run(sandbox, Search(pattern="--flag")) == "./src/a.ts:2:foo(--flag);"
    assert await run(sandbox, Search(pattern="-f", path="src")) == "src/a.ts:2:foo(--flag);"
    assert await run(sandbox, Search(pattern="nowhere")) == "no match"
    assert "regex parse error" in await fail(sandbox, Search(pattern="on(e"))
    assert "missing" in await fail(sandbox, Search(pattern="one", path="missing"))
    assert await fail(sandbox, Search(pattern="nul\0"))
