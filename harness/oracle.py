"""The built-in endpoints: a real OpenAI-compatible HTTP server on loopback that plays scripts instead of a model.

`oracle` plays each task's reference solution through the agent's own tools, `noop` submits at once. They show, without any model, that
every part works: the oracle must resolve everything, the noop nothing.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import PurePosixPath
from typing import Any, Final

from unidiff import Hunk, PatchedFile, PatchSet
from unidiff.constants import LINE_TYPE_NO_NEWLINE

from harness.tools import lines_of, occurrences
from tasks.patches import split_patch
from tasks.task import Task

BUILT_IN: Final = ("oracle", "noop")


@dataclass(frozen=True, slots=True)
class ScriptedCall:
    """One tool call, and what is said beside it."""

    name: str
    arguments: Mapping[str, Any]
    words: str = ""


Script = Sequence[ScriptedCall]


def reference_script(task: Task) -> list[ScriptedCall]:
    """The gold patch as a person might make it with the tools: look, change file by file, check, submit."""
    script = [ScriptedCall("bash", {"command": "git status --short && ls"}, "I look at the repository first.")]
    for part in split_patch(task.patch):
        file = PatchSet(part.text)[0]
        script += _file_calls(task, file, part.text)
    script.append(ScriptedCall("bash", {"command": "npx tsc --noEmit && git diff --stat"}, "I check that it compiles."))
    script.append(ScriptedCall("submit", {}, "The work is done."))
    return script


NOOP_SCRIPT: Final = (ScriptedCall("submit", {}, "I submit the repository as it is."),)


def _file_calls(task: Task, file: PatchedFile, text: str) -> Iterator[ScriptedCall]:
    path = str(file.path)
    if file.is_binary_file or file.is_rename or "old mode" in text:
        yield ScriptedCall("bash", {"command": f"git apply <<'END_OF_PATCH'\n{text}END_OF_PATCH"})
    elif file.is_added_file:
        content = "".join(line for hunk in file for line in _side(hunk, new=True))
        yield ScriptedCall("edit", {"command": "create", "path": path, "new_text": content}, f"{PurePosixPath(path).name} is missing.")
    elif file.is_removed_file:
        yield ScriptedCall("bash", {"command": f"rm -- '{path}'"})
    else:
        yield ScriptedCall("view", {"path": path}, f"I read {path}.")
        yield from _replacements(task.tree.files[path].decode("utf-8"), path, file)


def _replacements(before: str, path: str, file: PatchedFile) -> Iterator[ScriptedCall]:
    """One exact replacement a hunk; a hunk whose text is not unique in the file takes lines from around it."""
    lines = lines_of(before)
    shift = 0  # by how many lines the hunks before have moved this one
    for hunk in file:
        old = _side(hunk, new=False)
        new = _side(hunk, new=True)
        start = hunk.source_start - 1 + shift if hunk.source_length else hunk.source_start + shift
        end = start + len(old)
        current = "".join(lines)
        first, last = start, end
        while occurrences(current, "".join(lines[first:last])) != 1 and (first > 0 or last < len(lines)):
            first, last = max(0, first - 1), min(len(lines), last + 1)
        old_text = "".join(lines[first:last])
        new_text = "".join([*lines[first:start], *new, *lines[end:last]])
        yield ScriptedCall("edit", {"command": "replace", "path": path, "old_text": old_text, "new_text": new_text})
        lines[start:end] = new
        shift += len(new) - len(old)


def _side(hunk: Hunk, *, new: bool) -> list[str]:
    """The lines of a hunk before or after the change. unidiff gives a line feed to all, those that git marks as without one too."""
    lines = []
    for line, following in zip(hunk, [*hunk[1:], None], strict=True):
        if line.is_context or (line.is_added if new else line.is_removed):
            unended = following is not None and following.line_type == LINE_TYPE_NO_NEWLINE
            lines.append(line.value.removesuffix("\n") if unended else line.value)
    return lines


def script_for(model: str, tasks: Sequence[Task]) -> dict[str, Script]:
    """Scripts by problem statement."""
    return {task.problem_statement: reference_script(task) if model == "oracle" else NOOP_SCRIPT for task in tasks}


@contextlib.contextmanager
def serve_scripts(model: str, scripts: Mapping[str, Script]) -> Iterator[str]:
    """Serve the scripts as one model; yields the base URL. A conversation is known by its first user message."""

    class Handler(_ScriptHandler):
        served_model = model
        served_scripts = scripts

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name=f"{model} endpoint", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _ScriptHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    served_model = ""
    served_scripts: Mapping[str, Script] = {}

    def do_GET(self) -> None:
        if self.path == "/v1/models":
            self._answer(200, {"object": "list", "data": [{"id": self.served_model, "object": "model", "owned_by": "harness"}]})
        else:
            self._answer(404, {"error": {"message": f"no such path: {self.path}", "type": "invalid_request_error"}})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if self.path != "/v1/chat/completions":
            return self._answer(404, {"error": {"message": f"no such path: {self.path}", "type": "invalid_request_error"}})
        try:
            messages = json.loads(body)["messages"]
            statement = next(message["content"] for message in messages if message["role"] == "user")
            script = self.served_scripts[statement]
        except (ValueError, KeyError, TypeError, StopIteration):
            return self._answer(400, {"error": {"message": "no script for this conversation", "type": "invalid_request_error"}})
        step = sum(message["role"] == "assistant" for message in messages)
        return self._answer(200, self._completion(script, step, len(body)))

    def _completion(self, script: Script, step: int, prompt_bytes: int) -> dict[str, Any]:
        call = script[min(step, len(script) - 1)]
        arguments = json.dumps(call.arguments, ensure_ascii=False)
        function = {"name": call.name, "arguments": arguments}
        message = {
            "role": "assistant",
            "content": call.words,
            "tool_calls": [{"id": f"call_{step}", "type": "function", "function": function}],
        }
        # There is no tokenizer here: four bytes a token, as a rule of thumb has it.
        usage = {"prompt_tokens": prompt_bytes // 4, "completion_tokens": (len(arguments) + len(call.words)) // 4 + 1}
        return {
            "id": f"chatcmpl-{step}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": self.served_model,
            "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}],
            "usage": usage | {"total_tokens": sum(usage.values())},
        }

    def _answer(self, status: int, content: Mapping[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """The library prints nothing."""
