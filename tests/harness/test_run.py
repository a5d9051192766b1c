"""A run: with the real built-in endpoints in live boxes, and with boxes in memory where the infrastructure fails."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import harness
from harness.agent import ToolAgent
from harness.chat import ChatError
from harness.config import ConfigError, ModelSettings, RunConfig
from harness.endpoint import OpenAIChatModel
from harness.oracle import script_for, serve_scripts
from harness.run import RunStoppedError, pending, prepare, run, seed_of, source_digest
from sandboxes.sandbox import SandboxEngine
from tasks.suite import Suite
from tests.harness.fakes import MemoryEngine, ScriptModel, answer
from tests.loopback import Reply
from trajectories.store import Result, RunStore, read_results, read_trajectory

SUBMIT = answer(("submit", {}))


def config_of(**settings: Any) -> RunConfig:
    return RunConfig.model_validate({"suite": "mini", "model": {"name": "script"}, "sandbox": {"memory_mib": 512}, **settings})


async def run_once(config: RunConfig, suite: Suite, directory: Path, engine: SandboxEngine, model: Any) -> list[Result]:
    """One start of the command: the results that it reported."""
    reported: list[Result] = []
    with RunStore(directory) as store:
        prepare(config, suite, store, engine)
        await run(config, suite, store, engine, ToolAgent(model, config.limits), reported.append)
    return reported


def ledger(directory: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (directory / "results.jsonl").read_text(encoding="utf-8").splitlines()]


def placed(directory: Path) -> list[str]:
    return sorted(place.relative_to(directory / "trials").as_posix() for place in directory.glob("trials/*/*"))


# The built-in endpoints


@contextmanager
def built_in(name: str, suite: Suite):
    with serve_scripts(name, script_for(name, suite.tasks)) as address:
        yield OpenAIChatModel(ModelSettings(name=name, base_url=address))


async def test_the_oracle_resolves_everything_and_a_finished_run_has_nothing_left(mini, tmp_path, engine):
    config = config_of(concurrency=3)
    with built_in("oracle", mini) as model:
        reported = await run_once(config, mini, tmp_path, engine, model)
        assert {result.instance_id: result.verdict for result in reported} == dict.fromkeys(
            ["sums-bigint", "sums-single", "words-spaces"], "resolved"
        )
        assert all(result.failure is None and result.stop_reason == "submitted" for result in reported)
        assert await run_once(config, mini, tmp_path, engine, model) == []
        await model.close()
    assert sorted(read_results(tmp_path), key=lambda result: result.instance_id) == sorted(reported, key=lambda result: result.instance_id)
    for task in mini.tasks:
        trajectory = read_trajectory(tmp_path / "trials" / task.instance_id / "0")
        assert trajectory.provenance.sandbox == engine.name
        assert trajectory.provenance.image == engine.image
        assert trajectory.provenance.config_digest == config.identity()
        assert trajectory.provenance.code_digest == source_digest()
        assert (trajectory.provenance.suite, trajectory.provenance.repo) == ("mini", trajectory.instance_id.split("-")[0])
        assert trajectory.usage.output_tokens


async def test_the_noop_resolves_nothing(mini, tmp_path, engine):
    with built_in("noop", mini) as model:
        reported = await run_once(config_of(concurrency=3), mini, tmp_path, engine, model)
        await model.close()
    assert [(result.resolved, result.verdict, result.turns) for result in reported] == [(False, "no_patch", 1)] * 3


# What is done, and what is left


async def test_every_attempt_at_every_task_is_run_once_attempt_by_attempt(mini, tmp_path):
    model = ScriptModel(SUBMIT)
    config = config_of(attempts=2, concurrency=1, model={"name": "script", "sampling": {"seed": 100}})
    reported = await run_once(config, mini, tmp_path, MemoryEngine(), model)
    ids = [task.instance_id for task in mini.tasks]
    assert [(result.instance_id, result.attempt) for result in reported] == [(name, k) for k in (0, 1) for name in ids]
    assert model.seeds == [seed_of(100, name, k) for k in (0, 1) for name in ids]
    assert len(set(model.seeds)) == 6, "with one seed for all tasks, those that are alike get the same draws"
    assert placed(tmp_path) == [f"{name}/{attempt}" for name in ids for attempt in (0, 1)]


async def test_without_a_seed_none_is_sent(mini, tmp_path):
    model = ScriptModel(SUBMIT)
    await run_once(config_of(), mini, tmp_path, MemoryEngine(), model)
    assert model.seeds == [None] * 3


async def test_a_run_taken_up_again_skips_what_is_finished(mini, tmp_path):
    first = await run_once(config_of(), mini.select(["sums-*"]), tmp_path, MemoryEngine(), ScriptModel(SUBMIT))
    assert len(first) == 2
    before = (tmp_path / "trials/sums-single/0/trajectory.json").read_bytes()
    second = await run_once(config_of(), mini, tmp_path, MemoryEngine(), ScriptModel(SUBMIT))
    assert [result.instance_id for result in second] == ["words-spaces"]
    assert (tmp_path / "trials/sums-single/0/trajectory.json").read_bytes() == before


class CountingEngine(MemoryEngine):
    """Knows how many of its boxes were open at once."""

    most = 0

    async def open(self, limits):
        box = await super().open(limits)
        self.most = max(self.most, sum(not each.closed for each in self.opened))
        return box


@pytest.mark.parametrize("concurrency", [1, 2])
async def test_no_more_rollouts_than_allowed_go_on_at_once(mini, tmp_path, concurrency):
    engine = CountingEngine()
    await run_once(config_of(attempts=3, concurrency=concurrency), mini, tmp_path, engine, ScriptModel(SUBMIT))
    assert engine.most <= concurrency
    assert len(engine.opened) == 18


# Failures of the infrastructure


async def test_a_failed_try_is_made_again_and_stays_in_the_ledger(mini, tmp_path):
    suite = mini.select(["sums-single"])
    engine = MemoryEngine(fails=lambda number: number < 2)
    reported = await run_once(config_of(), suite, tmp_path, engine, ScriptModel(SUBMIT))
    assert [(result.tries, result.failure is None) for result in reported] == [(1, False), (2, False), (3, True)]
    assert [(line["tries"], line["resolved"]) for line in ledger(tmp_path)] == [(1, None), (2, None), (3, False)]
    assert placed(tmp_path) == ["sums-single/0", "sums-single/0.failed-1", "sums-single/0.failed-2"]
    assert read_trajectory(tmp_path / "trials/sums-single/0").failure is None
    assert [(result.tries, result.resolved) for result in read_results(tmp_path)] == [(3, False)]


async def test_a_trial_that_fails_at_every_try_is_left_for_the_next_start(mini, tmp_path):
    suite = mini.select(["sums-single"])
    config = config_of(infrastructure_tries=2)
    reported = await run_once(config, suite, tmp_path, MemoryEngine(fails=lambda number: True), ScriptModel(SUBMIT))
    assert [result.tries for result in reported] == [1, 2]
    with RunStore(tmp_path) as store:
        (left,) = pending(config, suite, store)
    assert (left.attempt, left.tries) == (0, 2)
    again = await run_once(config, suite, tmp_path, MemoryEngine(), ScriptModel(SUBMIT))
    assert [(result.tries, result.failure) for result in again] == [(3, None)]
    assert placed(tmp_path) == ["sums-single/0", "sums-single/0.failed-1", "sums-single/0.failed-2"]


async def test_a_grading_box_that_fails_is_tried_again_too(mini, tmp_path):
    reported = await run_once(
        config_of(), mini.select(["sums-single"]), tmp_path, MemoryEngine(fails=lambda number: number == 1), ScriptModel(SUBMIT)
    )
    assert [result.failure.during if result.failure else None for result in reported] == ["grading", None]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(401, '{"error":"Unauthorized"}'), "authentication"),
        (Reply(402, '{"error":"pay"}'), "quota"),
        (Reply(404, '{"error":{"message":"no such model"}}'), "not_found"),
    ],
)
async def test_an_endpoint_that_refuses_for_good_stops_the_run_at_once(mini, tmp_path, server, reply, kind):
    server.posts = [Reply(200, json.dumps({"choices": [{"message": {"tool_calls": [{"function": {"name": "submit"}}]}}]})), reply]
    model = OpenAIChatModel(ModelSettings(name="m", base_url=server.url))
    with pytest.raises(RunStoppedError, match="refuses to go on") as stopped:
        await run_once(config_of(concurrency=1, attempts=3), mini, tmp_path, MemoryEngine(), model)
    await model.close()
    assert len(str(stopped.value).splitlines()) == 1
    assert len(server.bodies) == 2
    assert [line["failure"] and line["failure"]["kind"] for line in ledger(tmp_path)] == [None, kind]


async def test_a_stopped_run_goes_on_where_it_was(mini, tmp_path):
    refusing = ScriptModel(SUBMIT, ChatError("authentication", "401: no"))
    with pytest.raises(RunStoppedError):
        await run_once(config_of(concurrency=1), mini, tmp_path, MemoryEngine(), refusing)
    again = await run_once(config_of(concurrency=1), mini, tmp_path, MemoryEngine(), ScriptModel(SUBMIT))
    assert [(result.instance_id, result.tries) for result in again] == [("sums-single", 2), ("words-spaces", 1)]


async def test_one_refusal_stops_the_other_workers_too(mini, tmp_path):
    with pytest.raises(RunStoppedError):
        await run_once(
            config_of(concurrency=3, attempts=20), mini, tmp_path, MemoryEngine(), ScriptModel(ChatError("authentication", "401: no"))
        )
    assert len(ledger(tmp_path)) <= 3


@pytest.mark.parametrize(("concurrency", "breaks_at"), [(1, 6), (3, 6), (4, 8)])
async def test_failures_in_a_row_stop_the_run(mini, tmp_path, concurrency, breaks_at):
    with pytest.raises(RunStoppedError, match=f"{breaks_at} rollouts in a row failed; the last: no more boxes"):
        await run_once(
            config_of(concurrency=concurrency, attempts=10), mini, tmp_path, MemoryEngine(fails=lambda number: True), ScriptModel(SUBMIT)
        )
    assert breaks_at <= len(ledger(tmp_path)) < breaks_at + concurrency  # those that were going on are kept


async def test_failures_with_a_success_between_them_do_not_stop_the_run(mini, tmp_path):
    model = ScriptModel(*[ChatError("server", "500: no"), ChatError("server", "500: no"), SUBMIT] * 6)
    reported = await run_once(config_of(concurrency=1, attempts=2), mini, tmp_path, MemoryEngine(), model)
    assert sum(result.failure is not None for result in reported) == 12
    assert sum(result.failure is None for result in reported) == 6


async def test_a_failure_that_only_one_request_met_does_not_stop_the_run(mini, tmp_path):
    model = ScriptModel(ChatError("bad_request", "400: no"), SUBMIT)
    reported = await run_once(config_of(concurrency=1), mini, tmp_path, MemoryEngine(), model)
    assert [result.failure is None for result in reported] == [False, True, True, True]


async def test_a_disk_that_refuses_stops_the_run_by_name_and_nothing_is_begun(mini, tmp_path):
    (tmp_path / "trials").write_text("in the way", encoding="utf-8")
    engine = MemoryEngine()
    with pytest.raises(
        RunStoppedError, match=r"the disk does not do its work \(.*trials.*; mend that and start the same command again"
    ) as stopped:
        await run_once(config_of(concurrency=3), mini, tmp_path, engine, ScriptModel(SUBMIT))
    assert "\n" not in str(stopped.value)
    assert engine.openings == 0


async def test_our_own_bugs_are_not_hidden(mini, tmp_path):
    class Buggy(MemoryEngine):
        async def open(self, limits):
            raise ZeroDivisionError

    with pytest.raises(ExceptionGroup) as caught:
        await run_once(config_of(), mini, tmp_path, Buggy(), ScriptModel(SUBMIT))
    assert caught.value.subgroup(ZeroDivisionError)


# Settings and provenance


def test_changed_settings_are_refused_by_name(mini, tmp_path):
    engine = MemoryEngine()
    with RunStore(tmp_path) as store:
        prepare(config_of(), mini, store, engine)
        written = (tmp_path / "config.toml").read_bytes()
        with pytest.raises(ConfigError, match=r"limits\.turns, model\.sampling\.temperature.*--output"):
            prepare(config_of(limits={"turns": 3}, model={"name": "script", "sampling": {"temperature": 1}}), mini, store, engine)
        assert (tmp_path / "config.toml").read_bytes() == written


def test_a_run_may_be_taken_up_with_another_concurrency(mini, tmp_path):
    with RunStore(tmp_path) as store:
        prepare(config_of(), mini, store, MemoryEngine())
        prepare(config_of(concurrency=9, infrastructure_tries=1), mini, store, MemoryEngine())


def test_the_provenance_names_versions_and_digests(mini, tmp_path):
    with RunStore(tmp_path) as store:
        prepare(config_of(), mini, store, MemoryEngine())
    about = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    assert about["harness"]["version"] == harness.__version__
    assert about["suite"] == {"name": "mini", "version": mini.version, "tasks": 3, "digest": mini.digest}
    assert about["sandbox"] == {"backend": "memory", "images": {"node24": "sha256:memory"}, "does_not_hold": ["it runs nothing"]}
