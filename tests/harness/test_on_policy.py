"""The seam for on-policy learning, without a trainer: real rollouts and grades, of a policy that is played."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.config import ConfigError, RunConfig
from harness.on_policy import PolicyRollouts, resolved
from harness.run import SEEDS_A_TASK, RunStoppedError
from tasks.suite import Suite
from tests.conftest import MINI
from tests.harness.stub_policy import LONGEST, MARKS, Conduct, StubPolicy, logprob_of
from trajectories.store import read_results

ONE, OTHER = "sums-single", "sums-bigint"


def trainer(*, temperature: float = 1.0, processes: int = 1) -> Any:
    """What of a GRPOTrainer is asked."""
    return SimpleNamespace(temperature=temperature, accelerator=SimpleNamespace(num_processes=processes))


def config_for(url: str, *, concurrency: int = 2) -> RunConfig:
    settings = {"name": "policy", "base_url": url, "retry_seconds": 0.0, "sampling": {"seed": 0, "temperature": 1.0}}
    return RunConfig.model_validate({
        "suite": str(MINI), "concurrency": concurrency, "infrastructure_tries": 1, "model": settings,
        "sandbox": {"backend": "bubblewrap", "memory_mib": 512},
    })  # fmt: skip


@contextmanager
def played(
    mini: Suite, directory: Path, conduct: Callable[[int], Conduct], *, concurrency: int = 2, longest: int | None = None
) -> Iterator[tuple[StubPolicy, PolicyRollouts]]:
    server = StubPolicy(mini.tasks, conduct)
    try:
        with PolicyRollouts(config_for(server.url, concurrency=concurrency), directory, longest=longest) as policy:
            yield server, policy
    finally:
        server.close()


def test_every_attempt_comes_back_in_its_place_with_its_tokens_and_its_reward(mini, tmp_path):
    conducts: tuple[Conduct, ...] = ("solve", "give_up", "break", "give_up")
    with played(mini, tmp_path, lambda seed: conducts[seed]) as (server, policy):
        assert policy.instance_ids == [task.instance_id for task in mini.tasks]
        columns = policy.for_trl([ONE] * 4 + [OTHER], trainer())
    assert columns["reward"] == [1.0, 0.0, None, 0.0, 1.0]
    assert columns["left_out"] == [None, None, "failed", None, None]
    assert columns["env_mask"][2] == [0]
    for ids, mask, logprobs in zip(columns["completion_ids"], columns["env_mask"], columns["logprobs"], strict=True):
        assert len(ids) == len(mask) == len(logprobs)
        assert all(logprob == (logprob_of(token) if sampled else 0.0) for token, sampled, logprob in zip(ids, mask, logprobs, strict=True))
    solved, given_up = columns["env_mask"][0], columns["env_mask"][1]
    assert given_up == [1] * len(given_up)  # one answer, and nothing after it
    assert 0 in solved
    assert (solved[0], solved[-1]) == (1, 1)
    assert solved.count(1) <= (LONGEST + 1) * solved_turns(tmp_path / "000001" / "trials" / ONE / "0")
    # Nothing stands between the model's last token and a tool's answer, or the other way round, but what the server rendered.
    ids = columns["completion_ids"][0]
    ends = [place for place, token in enumerate(ids) if token == MARKS[1] and solved[place]]
    assert all(ids[place + 1] == MARKS[0] and not solved[place + 1] for place in ends[:-1])
    assert {body["temperature"] for body in server.bodies} == {1.0}
    assert all(body["logprobs"] and body["return_token_ids"] for body in server.bodies)


def solved_turns(trial: Path) -> int:
    return len(json.loads((trial / "trajectory.json").read_bytes())["turns"])


def test_each_call_is_a_run_of_its_own_with_seeds_of_its_own(mini, tmp_path):
    with played(mini, tmp_path, lambda seed: "give_up") as (server, policy):
        policy.for_trl([ONE, ONE], trainer())
        policy.for_trl([ONE, ONE], trainer(), served="policy-2")
    with played(mini, tmp_path, lambda seed: "give_up") as (later, policy):
        policy.for_trl([ONE, ONE], trainer(), served="policy-3")
    assert sorted(body["seed"] % SEEDS_A_TASK for body in server.bodies) == [0, 1, 1000, 1001]
    assert sorted(body["seed"] % SEEDS_A_TASK for body in later.bodies) == [2000, 2001]
    assert [body["model"] for body in (*server.bodies, *later.bodies)] == ["policy"] * 2 + ["policy-2"] * 2 + ["policy-3"] * 2
    runs = sorted(place.name for place in tmp_path.iterdir())
    assert runs == ["000001", "000002", "000003"]
    assert json.loads((tmp_path / "000002" / "summary.json").read_bytes())["model"] == "policy-2"
    assert [[result.attempt for result in read_results(tmp_path / run)] for run in runs] == [[0, 1]] * 3


def test_a_history_that_is_rendered_in_other_tokens_keeps_its_reward_and_is_counted(mini, tmp_path):
    conducts: tuple[Conduct, ...] = ("give_up", "rewrite")
    with played(mini, tmp_path, lambda seed: conducts[seed]) as (_, policy):
        rows = policy.sample([ONE, ONE])
    assert [(row.reward, row.left_out) for row in rows] == [(0.0, None), (1.0, "branched")]


@pytest.mark.parametrize(
    ("conduct", "more", "message"),
    [
        ("rewrite", {}, "1 of 1 are branched: the server renders the history in another way"),
        ("conceal", {}, "1 of 1 are untold"),
        ("give_up", {"longest": 20}, "1 of 1 are too_long"),
    ],
)
def test_settings_by_which_nothing_can_ever_be_learned_end_it_at_once(mini, tmp_path, conduct, more, message):
    with played(mini, tmp_path, lambda seed: conduct, **more) as (_, policy), pytest.raises(ConfigError, match=message):
        policy.sample([ONE])


def test_a_server_that_fails_at_everything_stops_it_and_its_words_are_kept(mini, tmp_path):
    with played(mini, tmp_path, lambda seed: "break") as (_, policy):
        with pytest.raises(RunStoppedError, match="the device is gone"):
            policy.for_trl([ONE] * 8, trainer())
        assert policy.for_trl([], trainer())["reward"] == []
    failed = [result.failure for result in read_results(tmp_path / "000001")]
    assert len(failed) >= 6
    assert {failure.kind for failure in failed if failure is not None} == {"server"}


@pytest.mark.skipif(threading.current_thread() is not threading.main_thread(), reason="signals come to the main thread")
def test_ctrl_c_ends_the_call_with_what_is_finished_kept_and_another_can_follow(mini, tmp_path):
    main = threading.main_thread().ident
    assert main is not None

    def conduct(seed: int) -> Conduct:
        if seed == 1:
            signal.pthread_kill(main, signal.SIGINT)
        return "give_up"

    with played(mini, tmp_path, conduct, concurrency=1) as (_, policy):
        with pytest.raises(KeyboardInterrupt):
            policy.sample([ONE, ONE, ONE])
        assert [(result.attempt, result.resolved) for result in read_results(tmp_path / "000001")] == [(0, False)]
        assert [row.reward for row in policy.sample([ONE])] == [0.0]


def test_a_call_that_does_not_fit_is_refused_before_anything_is_sampled(mini, tmp_path):
    with played(mini, tmp_path, lambda seed: "give_up") as (server, policy):
        with pytest.raises(ConfigError, match=r"temperature 1.0, the trainer learns at 0.7"):
            policy.for_trl([ONE], trainer(temperature=0.7))
        with pytest.raises(ConfigError, match="'Fix the sums' is no task of mini; the prompts are to be instance ids"):
            policy.for_trl(["Fix the sums"], trainer())
        with pytest.raises(ConfigError, match="start the trainer as one"):
            policy.for_trl([ONE], trainer(processes=2))
        assert server.bodies == []
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_tells_no_tokens_is_refused_at_the_start(server, tmp_path):
    from tests.harness.adversary import completion
    from tests.loopback import Reply

    server.gets = [Reply(body='{"data": [{"id": "policy"}]}')]
    server.posts = [Reply(body=completion({"content": "Hello."}))]
    with pytest.raises(ConfigError, match="does not tell token ids and logprobs"):
        PolicyRollouts(config_for(server.url), tmp_path).__enter__()
    with pytest.raises(ConfigError, match=r"give model\.base_url"):
        PolicyRollouts(RunConfig.model_validate({"model": {"name": "oracle"}}), tmp_path).__enter__()


def test_the_reward_function_gives_what_there_is_and_logs_what_was_left_out():
    logged: list[tuple[str, float]] = []
    rewards = resolved(
        reward=[1.0, None, 0.0, None], left_out=[None, "failed", "branched", "failed"], log_metric=lambda name, value: logged.append((name, value)),
        prompts=["a"], completions=["b"],
    )  # fmt: skip
    assert rewards == [1.0, None, 0.0, None]
    assert logged == [("left_out/branched", 0.25), ("left_out/failed", 0.5)]
