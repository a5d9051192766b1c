"""The built-in endpoints: scripts that play the gold patch to the letter, served over HTTP."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from harness.config import ModelSettings
from harness.discovery import discover
from harness.oracle import NOOP_SCRIPT, ScriptedCall, reference_script, script_for, serve_scripts
from harness.tools import TOOLS, Edit, ToolLimits
from sandboxes.sandbox import REPOSITORY
from tasks.patches import patch_of_files
from tasks.task import Task
from tasks.tree import RepositoryTree
from tests.harness.fakes import MemoryBox

LIMITS = ToolLimits(command_seconds=20, output_characters=16_000)


def task_of(mini, files: dict[str, bytes], patch: str) -> Task:
    return mini.tasks[0].model_copy(update={"tree": RepositoryTree(files=files), "patch": patch})


async def replayed(script: list[ScriptedCall], files: dict[str, bytes]) -> dict[str, bytes]:
    """The files after the script's edits, made by the tool itself."""
    box = MemoryBox({f"{REPOSITORY}/{path}": content for path, content in files.items()})
    for call in script:
        if call.name == "edit":
            output = await Edit.model_validate_json(json.dumps(call.arguments)).run(box, LIMITS)
            assert not output.failed, output.text
    return {path.removeprefix(f"{REPOSITORY}/"): content for path, content in box.files.items()}


# Few different lines, so that hunks are seldom unique, and lines with other breaks than a line feed in them.
LINE = st.sampled_from(["a\n", "b\n", "}\n", "\n", "  }\n", "x\x0cy\n", "s\u2028t\n", "c\r\n", "-d\n", "+e\n", "\\ f\n"])
LAST = st.sampled_from(["", "a", "}", "\\ g", "ü"])


@st.composite
def changes(draw) -> tuple[bytes, bytes]:
    """A file, and the same file with some of its places changed."""
    before = draw(st.lists(LINE, max_size=40))
    after = list(before)
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(after)))
        end = draw(st.integers(start, min(len(after), start + 3)))
        after[start:end] = draw(st.lists(LINE, max_size=3))
    return ("".join(before) + draw(LAST)).encode(), ("".join(after) + draw(LAST)).encode()


@settings(max_examples=300, deadline=None)
@given(change=changes())
def test_the_replayed_edits_give_the_gold_result(mini, change):
    before, after = change
    assume(before != after)
    assume(after)  # emptied is read as removed
    patch = patch_of_files({"f.ts": before}, {"f.ts": after})
    script = reference_script(task_of(mini, {"f.ts": before}, patch))
    assert asyncio.run(replayed(script, {"f.ts": before})) == {"f.ts": after}


def test_a_hunk_that_stands_twice_takes_lines_from_around_it(mini):
    block = b"if (x) {\n  y();\n}\n" * 6
    after = block[: 3 * 18] + b"if (x) {\n  z();\n}\n" + block[4 * 18 :]
    script = reference_script(task_of(mini, {"f.ts": block}, patch_of_files({"f.ts": block}, {"f.ts": after})))
    assert asyncio.run(replayed(script, {"f.ts": block})) == {"f.ts": after}


def test_each_file_of_the_patch_is_changed_as_the_patch_does(mini):
    files = {"kept.ts": b"1\n", "changed.ts": b"1\n2\n"}
    patch = patch_of_files(files, {"changed.ts": b"1\n3\n", "new/empty.ts": b"x", "new/file.ts": b"a\nb\n"})
    script = reference_script(task_of(mini, files, patch))
    assert asyncio.run(replayed(script, files)) == {
        "kept.ts": b"1\n",
        "changed.ts": b"1\n3\n",
        "new/empty.ts": b"x",
        "new/file.ts": b"a\nb\n",
    }
    assert [call.name for call in script] == ["bash", "view", "edit", "edit", "edit", "bash", "submit"]


def test_the_gold_patches_of_the_suite_are_replayed_as_they_are_applied(mini):
    for task in mini.tasks:
        files = dict(task.tree.files)
        assert asyncio.run(replayed(reference_script(task), files)) == task.tree.patched(task.patch).files


REMOVAL = "diff --git a/f.ts b/f.ts\ndeleted file mode 100644\n--- a/f.ts\n+++ /dev/null\n@@ -1 +0,0 @@\n-1\n"
RENAME = "diff --git a/f.ts b/g.ts\nsimilarity index 50%\nrename from f.ts\nrename to g.ts\n--- a/f.ts\n+++ b/g.ts\n@@ -1,2 +1,2 @@\n 1\n-2\n+3\n"
MODE = "diff --git a/f.ts b/f.ts\nold mode 100644\nnew mode 100755\n--- a/f.ts\n+++ b/f.ts\n@@ -1,2 +1,2 @@\n 1\n-2\n+3\n"


@pytest.mark.parametrize(
    ("before", "patch", "left"),
    [("1\n", REMOVAL, ""), ("1\n2\n", RENAME, "g.ts -rw-r--r-- 1\n3"), ("1\n2\n", MODE, "f.ts -rwxr-xr-x 1\n3")],
    ids=["removed", "renamed", "mode"],
)
async def test_what_no_edit_can_do_is_done_with_bash(mini, sandbox, before, patch, left):
    await sandbox.write(f"{REPOSITORY}/f.ts", before.encode())
    for call in reference_script(task_of(mini, {"f.ts": before.encode()}, patch))[1:-2]:
        output = await TOOLS[call.name].model_validate_json(json.dumps(call.arguments)).run(sandbox, LIMITS)
        assert not output.failed
        assert "[exit code 0]" in output.text or call.name == "view"
    result = await sandbox.exec(["bash", "-c", 'for f in *.ts; do echo $f $(stat -c %A $f) "$(cat $f)"; done'], timeout_seconds=10)
    assert result.stdout.text().strip() == (left or "*.ts")


def test_every_script_looks_first_checks_and_submits_last(mini):
    for task in mini.tasks:
        script = reference_script(task)
        assert script[0].name == script[-2].name == "bash"
        assert script[-1] == ScriptedCall("submit", {}, "The work is done.")
        for call in script:
            TOOLS[call.name].model_validate_json(json.dumps(call.arguments))


def test_scripts_are_found_by_problem_statement(mini):
    scripts = script_for("noop", mini.tasks)
    assert set(scripts) == {task.problem_statement for task in mini.tasks}
    assert all(script == NOOP_SCRIPT for script in scripts.values())
    assert all(len(script) > 3 for script in script_for("oracle", mini.tasks).values())


# The server

SCRIPT = (ScriptedCall("bash", {"command": "echo 'ü'"}, "I look."), ScriptedCall("submit", {}))


def completion(client: httpx.Client, *messages: dict) -> httpx.Response:
    return client.post("/chat/completions", json={"model": "m", "messages": [{"role": "system", "content": "s"}, *messages]})


@pytest.fixture
def client():
    with serve_scripts("oracle", {"Fix it.": SCRIPT}) as address, httpx.Client(base_url=address) as opened:
        yield opened


def test_the_served_script_goes_on_with_each_answer_and_stays_at_its_end(client):
    user, said = {"role": "user", "content": "Fix it."}, {"role": "assistant", "content": ""}
    told = [completion(client, user, *[said] * answers).json()["choices"][0] for answers in range(4)]
    assert [choice["finish_reason"] for choice in told] == ["tool_calls"] * 4
    calls = [choice["message"]["tool_calls"][0] for choice in told]
    assert [call["function"]["name"] for call in calls] == ["bash", "submit", "submit", "submit"]
    assert json.loads(calls[0]["function"]["arguments"]) == {"command": "echo 'ü'"}
    assert told[0]["message"]["content"] == "I look."
    assert len({call["id"] for call in calls}) == 4


def test_the_served_answer_counts_its_tokens(client):
    usage = completion(client, {"role": "user", "content": "Fix it."}).json()["usage"]
    assert usage["prompt_tokens"] > 0
    assert usage["completion_tokens"] > 0
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_a_conversation_without_a_script_is_refused(client):
    assert completion(client, {"role": "user", "content": "Something else."}).status_code == 400
    assert completion(client).status_code == 400
    assert client.post("/chat/completions", content=b"{").status_code == 400
    assert client.post("/chat/completions", json=[1]).status_code == 400
    assert client.post("/completions", json={}).status_code == 404
    assert client.get("/health").status_code == 404


async def test_a_built_in_model_is_discovered_as_any_other():
    with serve_scripts("oracle", {}) as address:
        assert (await discover(ModelSettings(name="", base_url=address))).name == "oracle"
