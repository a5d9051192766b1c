"""What our reporters wrote, as statuses by test id. Pure; the bytes come from untrusted processes and may be anything."""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, get_args

from tasks.task import TestStatus

TYPECHECK: Final = "typecheck"
REWARD: Final = "reward"
_STATUSES = frozenset(get_args(TestStatus))
_DIAGNOSTIC = re.compile(r"^(?P<file>\S[^\n]*?)\(\d+,\d+\): error (?P<code>TS\d+): (?P<message>.*)$", re.MULTILINE)
_GLOBAL_DIAGNOSTIC = re.compile(r"^error (?P<code>TS\d+): (?P<message>.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Report:
    """One test process's report."""

    statuses: dict[str, TestStatus]
    """By test id; an id that came twice is `duplicate`."""
    messages: dict[str, str] = field(default_factory=dict)
    """Of the tests that did not pass."""
    broken_files: dict[str, str] = field(default_factory=dict)
    """Test files that failed as a whole, such as at an import, and why."""
    stray_errors: tuple[str, ...] = ()
    """Errors that belong to no test and no file, such as a rejection that nobody handled."""
    problem: str | None = None
    """Why the report is not whole, or None."""


def test_id(file: str, titles: Iterable[str]) -> str:
    return f"{file}::{' > '.join(titles)}"


def file_of(identifier: str) -> str:
    return identifier.partition("::")[0]


def parse_report(report: bytes | None, *, file: str | None = None) -> Report:
    """Read a reporter's lines. `file` is the test file where a process runs one alone; else the lines name it.

    A report without its last line, with another count than that says, or with lines of another shape has a `problem`.
    """
    if report is None:
        return Report({}, problem="the report is too long")
    statuses: dict[str, TestStatus] = {}
    messages: dict[str, str] = {}
    announced: object = None
    tests = 0
    errors = []
    broken: dict[str, str] = {}
    for raw in report.splitlines():  # of bytes: U+2028 and its like, which JSON leaves as they are, do not end a line
        try:
            line = json.loads(raw.decode("utf-8", "replace"))
            if line.get("end"):
                announced = line["tests"]
                continue
            if "path" not in line:
                if isinstance(line.get("file"), str):
                    broken[line["file"]] = str(line["error"])
                else:
                    errors.append(str(line["error"]))
                continue
            identifier = test_id(file or line["file"], [str(title) for title in line["path"]])
            status = line["status"]
            if status not in _STATUSES:
                raise ValueError(status)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return Report({}, problem="the report cannot be read")
        tests += 1
        statuses[identifier] = "duplicate" if identifier in statuses else status
        if status != "passed" and line.get("message"):
            messages[identifier] = str(line["message"])
    if announced != tests:
        return Report(
            statuses, messages, problem="the tests ended before they were done" if announced is None else "the report is incomplete"
        )
    return Report(statuses, messages, broken, tuple(errors))


@dataclass(frozen=True, slots=True)
class Seal:
    """By what a report is known to be the reporter's own, and the runner to have been sound when it was written."""

    key: str
    """Of the lines' codes, in hexadecimal digits."""
    canary: str
    """The title of a test that must fail, the last of its file."""
    value: str
    """What that test says when it fails."""


def sealed_line(key: str, number: int, text: str) -> str:
    """A line of a sealed report: HMAC-SHA-256 (RFC 2104) of the line's number from 0 and its text, and the text."""
    return f"{hmac.new(bytes.fromhex(key), f'{number} {text}'.encode(), hashlib.sha256).hexdigest()} {text}"


def parse_sealed_report(report: bytes | None, *, file: str, seal: Seal) -> Report:
    """Read the lines of a reporter that shares its process with the source under test; the canary is not among the statuses.

    Unless every line has its code, the last one says that it is the last, and the canary failed, the report has a `problem`.
    """
    if report is None:
        return Report({}, problem="the report is too long")
    lines: list[str] = []
    for number, raw in enumerate(report.splitlines()):
        text = raw.decode("utf-8", "replace").partition(" ")[2]
        if not hmac.compare_digest(raw, sealed_line(seal.key, number, text).encode()):
            return Report({}, problem="the report has a line that is not the reporter's")
        if lines and _is_last(lines[-1]):
            return Report({}, problem="the report goes on after its end")
        lines.append(text)
    parsed = parse_report("\n".join(lines).encode(), file=file)
    canary = test_id(file, [seal.canary])
    problem = parsed.problem
    if problem is None and (parsed.statuses.get(canary) != "failed" or parsed.messages.get(canary) != seal.value):
        problem = "a test that must fail did not: the assertions or the runner are not what they were"
    statuses = {test: status for test, status in parsed.statuses.items() if test != canary}
    messages = {test: message for test, message in parsed.messages.items() if test != canary}
    return Report(statuses, messages, parsed.broken_files, parsed.stray_errors, problem)


def _is_last(text: str) -> bool:
    try:
        return bool(json.loads(text).get("end"))
    except (ValueError, AttributeError, RecursionError):
        return False  # what cannot be read is said of the whole


def parse_reward(report: bytes | None) -> float | None:
    """A reward as Harbor's verifiers write it: a number, or a JSON object with `reward` or with several numbers, of which the least counts."""
    try:
        content = json.loads((report or b"").decode("utf-8", "replace"))
        if isinstance(content, dict):
            content = content["reward"] if "reward" in content else min(float(value) for value in content.values())
        reward = float(content)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return reward if math.isfinite(reward) else None


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One of the compiler's or the linter's; `text` is without line numbers, so that it can be compared with the base's."""

    file: str
    text: str


def parse_tsc(output: str) -> list[Diagnostic]:
    """The errors in what `tsc --pretty false` printed, in its order."""
    found = [Diagnostic("", f"{match['code']}: {match['message']}") for match in _GLOBAL_DIAGNOSTIC.finditer(output)]
    for match in _DIAGNOSTIC.finditer(output):
        file = match["file"].removeprefix("./")
        found.append(Diagnostic(file, f"{file}: {match['code']}: {match['message']}"))
    return found


def parse_oxlint(output: str) -> list[Diagnostic]:
    """The findings in what `oxlint --format json` printed. ValueError when it is not that."""
    findings = []
    try:
        for finding in json.loads(output)["diagnostics"]:
            file = str(finding["filename"]).removeprefix("./")
            findings.append(Diagnostic(file, f"{file}: {finding.get('code', '')}: {finding['message']}"))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("not the linter's report") from error
    return findings


def beyond(found: Iterable[Diagnostic], known: Iterable[str]) -> list[str]:
    """The texts found that the base does not have, each as often as it is new."""
    left = list(known)
    new = []
    for diagnostic in found:
        if diagnostic.text in left:
            left.remove(diagnostic.text)
        else:
            new.append(diagnostic.text)
    return new
