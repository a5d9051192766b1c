"""Run directories without a model: written through the store's own API, the same bytes for the same arguments.

Several models of different strength, attempts, rounds, every outcome, flagged passes with and without a review, infrastructure failures and
retries. `HOSTILE` is what a model could write to attack or deceive whoever reads the report.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import tomli_w

from leaderboard.anatomy import CAUSES, Outcome
from tasks.task import CheckRun, Finding, Grade, Verdict
from trajectories.store import Review, RunStore, digest_of_trial, to_json
from trajectories.trajectory import Failure, Message, Provenance, StopReason, ToolCall, Trajectory, Turn, Usage

HOSTILE = (
    "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\"><svg/onload=alert(1)>"
    "</pre></script><!--]]>'\"><a href=\"javascript:document.title='owned'\">x</a>{{ 7*7 }}{% raw %}"
    "\x1b[31mred\x1b]0;owned\x07\x00\r\x9b31m \u202egnp.exe\u202c \u2066\u200b\ufeff\ufffd\ufffd\u2028line\u2029 https://example.invalid/x.png"
)

_STOP: dict[str, StopReason] = {
    "looping": "repeating", "malformed_calls": "malformed_calls", "gave_up": "gave_up", "overflow": "context_overflow", "budget": "turn_limit",
}  # fmt: skip
_VERDICT: dict[str, Verdict] = {
    "resolved": "resolved", "flagged": "resolved", "no_patch": "no_patch", "did_not_apply": "patch_rejected", "type_errors": "type_errors",
    "wrong_fix": "still_failing", "broke_other_tests": "regressed",
}  # fmt: skip

_SOURCES = sorted((Path(__file__).parents[2] / "tasks/suites/core/repos").glob("*/src/*.ts"))


def write_run(
    directory: Path,
    *,
    model: str,
    outcomes: dict[str, Sequence[Outcome]],
    prices: bool = True,
    retries: Iterable[tuple[str, int]] = (),
    cleared: Iterable[tuple[str, int]] = (),
    planned: int | None = None,
    kilobytes: float = 3,
    hostile: bool = False,
    seed: int = 0,
    digests: dict[str, str] | None = None,
    suite: str = "synthetic",
) -> Path:
    """A run of which each task's attempts have the given outcomes. `planned` attempts a task; default: the most that are given."""
    attempts = planned or max(map(len, outcomes.values()), default=1)
    with RunStore(directory) as store:
        store.write("config.toml", tomli_w.dumps(_config(model, suite, attempts)))
        store.write("run.json", to_json(_about(suite, len(outcomes), hostile=hostile)))
        for instance_id, members in outcomes.items():
            for attempt, outcome in enumerate(members):
                chance = random.Random(f"{seed} {model} {instance_id} {attempt}")
                fields: dict[str, Any] = {"model": model, "kilobytes": kilobytes, "hostile": hostile, "prices": prices}
                fields["digest"] = (digests or {}).get(instance_id, digest_of(instance_id))
                tries = 1
                if (instance_id, attempt) in set(retries):
                    store.save(make_trajectory(instance_id, attempt, "infrastructure", chance, tries=1, **fields))
                    tries = 2
                store.save(make_trajectory(instance_id, attempt, outcome, chance, tries=tries, **fields))
        for instance_id, attempt in cleared:
            digest = digest_of_trial(directory / "trials" / instance_id / str(attempt))
            assert digest is not None
            words = HOSTILE if hostile else "it is one"
            store.review(
                Review(
                    instance_id=instance_id,
                    attempt=attempt,
                    decision="clear",
                    note=words,
                    reviewer="a person",
                    reviewed_at="2026-11-20T12:00:00Z",
                    trajectory_sha256=digest,
                )
            )
    return directory


def write_many(
    root: Path, *, models: int, tasks: int, attempts: int, kilobytes: float = 3, rounds: int = 0, hostile: bool = False
) -> list[Path]:
    """Runs of models of rising strength on the same tasks, and of one loop's rounds; of every outcome there is some."""
    names = [f"task-{number:03d}-{word}" for number, word in zip(range(tasks), _words(), strict=False)]
    hardness = {name: random.Random(name).uniform(-1, 1) for name in names}
    runs = []
    for number in range(models + rounds):
        skill = 0.25 + 0.5 * number / max(1, models - 1) if number < models else 0.2 + 0.1 * (number - models)
        model = f"model-{chr(97 + number)}" if number < models else "trained"
        place = root / model if number < models else root / "loop" / f"round-{number - models + 1}"
        chance = random.Random(f"{model} {number}")
        outcomes = {name: [_draw(chance, skill - hardness[name] * 0.35) for _ in range(attempts)] for name in names}
        tried = [(name, 0) for name in names[:: max(2, tasks // 6)]]
        flagged = [(name, at) for name, each in outcomes.items() for at, outcome in enumerate(each) if outcome == "flagged"]
        runs.append(
            write_run(
                place, model=model, outcomes=outcomes, retries=tried, cleared=flagged[:1], kilobytes=kilobytes, hostile=hostile, seed=number
            )
        )
    return runs


def make_trajectory(
    instance_id: str,
    attempt: int,
    outcome: Outcome,
    chance: random.Random,
    *,
    model: str = "model",
    tries: int = 1,
    kilobytes: float = 3,
    hostile: bool = False,
    prices: bool = True,
    digest: str = "digest",
) -> Trajectory:
    """A record that ends in the outcome, about so large as JSON."""
    noise = HOSTILE if hostile else ""
    messages = [
        Message(role="system", content="You repair TypeScript repositories."),
        Message(role="user", content=f"Repair {instance_id}.{noise}"),
    ]
    turns: list[Turn] = []
    size = 0
    while size < kilobytes * 1000 - 1500 or not turns:
        source = _SOURCES[chance.randrange(len(_SOURCES))]
        lines = source.read_text(encoding="utf-8").splitlines()
        start = chance.randrange(max(1, len(lines) - 60))
        shown = "\n".join(f"{number + 1:5d}  {line}" for number, line in enumerate(lines[start : start + 60], start))
        call = _call(len(turns), source.name, lines[start : start + 3], noise)
        answer = Message(
            role="assistant",
            content=f"I look at {source.name}.{noise}",
            reasoning=f"The fault may be in {lines[start].strip()!r}.{noise}",
            tool_calls=(call,),
        )
        usage = Usage(
            input_tokens=800 + size // 4,
            cached_input_tokens=size // 5,
            output_tokens=chance.randrange(40, 400),
            reasoning_tokens=chance.randrange(20),
        )
        turns.append(
            Turn(
                message_index=len(messages),
                finish_reason="tool_calls",
                usage=usage,
                latency_seconds=round(chance.uniform(0.3, 4), 3),
                tools_seconds=0.05,
                events=("tool_failed",) if chance.random() < 0.1 else (),
            )
        )
        messages += [answer, Message(role="tool", tool_call_id=call.id, content=shown + noise)]
        size += len(shown) + 700
    failure = Failure(kind="server", during="agent", message=f"HTTP 503 {noise}") if outcome == "infrastructure" else None
    usage = sum((turn.usage for turn in turns), Usage())
    return Trajectory(
        instance_id=instance_id,
        attempt=attempt,
        tries=tries,
        model=model,
        sampling={"temperature": 0.6, "seed": attempt},
        tools=({"type": "function"},),
        messages=tuple(messages),
        turns=tuple(turns),
        stop_reason=None if failure else _STOP.get(outcome, "submitted"),
        failure=failure,
        patch=""
        if failure or outcome == "no_patch"
        else f"diff --git a/src/a.ts b/src/a.ts\n--- a/src/a.ts\n+++ b/src/a.ts\n@@ -1 +1 @@\n-old\n+new {noise}\n",
        grade=None if failure else _grade(outcome, noise),
        usage=usage,
        cost=None if not prices else round(((usage.input_tokens or 0) * 0.4 + (usage.output_tokens or 0) * 1.6) / 1e6, 6),
        started_at=f"2026-11-20T12:{attempt % 60:02d}:00.000+00:00",
        duration_seconds=round(sum(turn.latency_seconds for turn in turns) + 5, 3),
        provenance=Provenance(
            task_digest=digest, base_commit="c" * 40, sandbox="bubblewrap", image="node24@sha256:0", harness_version="0.1.0"
        ),
    )


def _call(number: int, file: str, lines: Sequence[str], noise: str) -> ToolCall:
    """A view, a command, or a change of the second of three lines."""
    path = f"src/{file}"
    name, arguments = (
        (
            "edit",
            {
                "command": "replace",
                "path": path,
                "old_text": "\n".join(lines),
                "new_text": "\n".join([lines[0], f"changed{noise}", *lines[2:]]),
            },
        )
        if number % 4 == 3
        else ("bash", {"command": f"sed -n 1,60p {path}{noise}"})
        if number % 2
        else ("view", {"path": path})
    )
    return ToolCall(id=f"call-{number}", name=name, arguments=json.dumps(arguments))


def _grade(outcome: Outcome, noise: str) -> Grade:
    verdict = _VERDICT.get(outcome, "still_failing")
    flagged = (Finding(rule="process_exit", weight="flag", path="src/a.ts", line=3, excerpt=("process.exit(0)" + noise)[:150]),)
    return Grade(
        resolved=verdict == "resolved",
        verdict=verdict,
        tests={
            "test/a.test.ts::sums > adds": "passed",
            f"test/a.test.ts::sums > {noise or 'carries'}": "passed" if verdict == "resolved" else "failed",
        },
        new_type_errors=(f"src/a.ts: TS2322: Type is not assignable. {noise}",) if verdict == "type_errors" else (),
        new_lint_findings=(),
        stripped=(),
        checks=(CheckRun(name="tests", ended="exit 0", duration_seconds=1.2, output=f"2 tests{noise}"),),
        duration_seconds=2.0,
        integrity=flagged if outcome == "flagged" else (),
    )


def digest_of(instance_id: str) -> str:
    """The digest of a synthetic task."""
    return hashlib.sha256(instance_id.encode()).hexdigest()


def _draw(chance: random.Random, skill: float) -> Outcome:
    if chance.random() < skill:
        return "flagged" if chance.random() < 0.04 else "resolved"
    rest = [cause for cause in CAUSES if cause != "flagged"]
    return chance.choices(rest, weights=[2 if cause == "infrastructure" else 6 if cause == "wrong_fix" else 3 for cause in rest])[0]


def _words() -> Iterable[str]:
    words = ("sums", "routes", "spans", "parser", "cache", "queue", "types", "diff", "locale", "stream")
    number = 0
    while True:
        yield words[number % len(words)]
        number += 1


def _config(model: str, suite: str, attempts: int) -> dict[str, Any]:
    return {
        "suite": suite,
        "attempts": attempts,
        "model": {
            "name": model,
            "base_url": "http://user:hunter2@localhost:8000/v1",
            "sampling": {"temperature": 0.6, "max_tokens": 4096, "seed": 0, "extra_body": {"api_key": "hunter2"}},
        },
        "limits": {"turns": 50, "seconds": 1800.0},
        "sandbox": {"backend": "bubblewrap", "memory_mib": 2048},
    }


def _about(suite: str, tasks: int, *, hostile: bool) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "harness": {"version": "0.1.0", "commit": "79a00a8c29c2-dirty"},
        "suite": {"name": suite, "version": "1", "tasks": tasks, "digest": "0" * 64},
        "sandbox": {
            "backend": "bubblewrap",
            "image": "node24@sha256:0",
            "does_not_hold": [HOSTILE] if hostile else ["the kernel is shared with this machine"],
        },
        "machine": {"python": "3.11"},
    }
