"""The seam for learning on policy: a trainer names tasks, and gets what the served policy's own rollouts at them came to.

The shapes are those of TRL's GRPOTrainer (`rollout_func`, and a reward function beside it), as plain lists: neither TRL nor torch is imported.
Every call is a run like any other, in a directory of its own, so that what the policy was rewarded for can be read afterwards. What the server
serves is the trainer's business: docs/on-policy.md says what that leaves to do.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Protocol, Self, TypedDict

from harness.agent import ToolAgent
from harness.background import BackgroundLoop
from harness.chat import ChatAnswer, ChatError
from harness.config import ConfigError, ModelSettings, RunConfig
from harness.continuation import must_hold_budget
from harness.discovery import discover
from harness.endpoint import authorization
from harness.engines import choose_engine
from harness.evaluate import chat_model
from harness.presets import resolve
from harness.run import Trial, prepare, run
from harness.server_words import ServerWords, ask_server
from harness.summary import summarise
from sandboxes.images.recipe import Say
from sandboxes.sandbox import SandboxEngine
from tasks.suite import Suite, load_suite
from trajectories.policy_row import LeftOut, PolicyRow, policy_row
from trajectories.store import RunStore, read_trajectory, to_json, trial_directory
from trajectories.trajectory import Message

_TOLD: Final = {"logprobs": True, "return_token_ids": True}
_SEEDS_A_CALL: Final = 1000  # the most attempts that a run has
_SETTINGS_AT_FAULT: Final[dict[LeftOut, str]] = {
    "branched": "the server renders the history in another way than it was written: keep all thinking, give no context policy",
    "untold": "the server does not tell the tokens of every answer: hold no budget of thinking here",
    "too_long": "the rollouts are longer than `longest`: raise it, or lower the agent's limits",
}


class Trainer(Protocol):
    """What is asked of a GRPOTrainer."""

    temperature: float
    """By which it divides the logits."""
    accelerator: Any


class Columns(TypedDict):
    """What a `rollout_func` returns: one entry a prompt, in the prompts' order."""

    prompt_ids: list[list[int]]
    completion_ids: list[list[int]]
    logprobs: list[list[float]]
    env_mask: list[list[int]]
    """1 for what the model sampled: only that carries loss."""
    reward: list[float | None]
    left_out: list[LeftOut | None]


class PolicyRollouts:
    """Rollouts of a policy that changes between calls. A context manager: boxes stay warm from call to call.

    Its calls block the caller's thread. Ctrl-C ends one as it ends a run: boxes are closed, and what is finished is on the disk.
    """

    def __init__(self, config: RunConfig, directory: Path, *, longest: int | None = None, say: Say = lambda line: None) -> None:
        """`config` is that of a run; its `tasks` and `split` are what may be asked for, its `attempts` do not matter. Runs go below `directory`.

        A rollout of more than `longest` tokens, prompt and completion together, is left out.
        """
        self._config = config
        self._directory = directory
        self._longest = longest
        self._say = say
        self._learned_before = False

    def __enter__(self) -> Self:
        """ConfigError, TaskError or SandboxError when something is missing: before anything is sampled."""
        if self._config.model.base_url is None:
            raise ConfigError("the policy is served somewhere: give model.base_url")
        self._suite = load_suite(self._config.suite).select(self._config.tasks, split=self._config.split)
        images = {task.image for task in self._suite.tasks}
        if len(images) > 1:
            raise ConfigError(f"the tasks need different images ({', '.join(sorted(images))}); choose those of one")
        with ExitStack() as stack:
            self._loop = stack.enter_context(BackgroundLoop())
            self._settings, self._server = self._loop.run(self._endpoint())
            self._engine: SandboxEngine = choose_engine(
                self._config.sandbox.backend, images.pop(), self._say, concurrency=self._config.concurrency
            )
            stack.callback(lambda: self._loop.run(self._engine.close()))
            self._loop.run(self._engine.start())
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def instance_ids(self) -> list[str]:
        """What may be asked for: the `prompt` column of the trainer's dataset."""
        return [task.instance_id for task in self._suite.tasks]

    def for_trl(self, prompts: Sequence[str], trainer: Trainer, *, served: str | None = None) -> Columns:
        """GRPOTrainer's `rollout_func`: the prompts are instance ids, each as often as its group has attempts.

        `served` is the name under which the server serves the weights of this step; None: that of the configuration. Raises what `run` does, and
        ConfigError when trainer and server do not fit together.
        """
        if trainer.accelerator.num_processes > 1:
            raise ConfigError("rollouts are made by one process; start the trainer as one")
        rows = self.sample(prompts, served=served, temperature=trainer.temperature)
        return Columns(
            prompt_ids=[list(row.prompt_ids) for row in rows],
            completion_ids=[list(row.completion_ids) for row in rows],
            logprobs=[list(row.logprobs) for row in rows],
            env_mask=[list(row.mask) for row in rows],
            reward=[row.reward for row in rows],
            left_out=[row.left_out for row in rows],
        )

    def sample(self, instance_ids: Sequence[str], *, served: str | None = None, temperature: float | None = None) -> list[PolicyRow]:
        """A rollout for each id, an id that comes k times being attempted k times; their rows, in the same order.

        `temperature` is the trainer's. ConfigError when the server samples at another, when an id is none of the suite's, and when the rollouts
        are such that none so far could be learned from. RunStoppedError and StoreError as of `run`.
        """
        known = {task.instance_id: task for task in self._suite.tasks}
        if unknown := [name for name in instance_ids if not isinstance(name, str) or name not in known]:
            raise ConfigError(f"{unknown[0]!r} is no task of {self._suite.name}; the prompts are to be instance ids")
        counts: Counter[str] = Counter()
        trials = []
        for name in instance_ids:
            trials.append(Trial(known[name], counts[name], 0))
            counts[name] += 1
        if not trials:
            return []
        rows = self._loop.run(self._rollouts(trials, max(counts.values()), self._at(served, temperature)))
        self._must_be_of_use(rows)
        return rows

    def _at(self, served: str | None, temperature: float | None) -> ModelSettings:
        settings = self._settings
        own = settings.sampling.temperature
        if temperature is not None and own is not None and own != temperature:
            raise ConfigError(f"the server is to sample at temperature {own}, the trainer learns at {temperature}: give both the same")
        sampling = settings.sampling.model_copy(update={"temperature": temperature if own is None else own})
        return settings.model_copy(update={"sampling": sampling, "name": served or settings.name})

    async def _endpoint(self) -> tuple[ModelSettings, ServerWords]:
        """The settings that ask for tokens, of a server that has shown that it tells them."""
        found = await discover(self._config.model)
        for url in found.more_urls:
            await discover(found.model_copy(update={"base_url": url}))
        settings = resolve(found)
        await must_hold_budget(settings)
        sampling = settings.sampling.model_copy(update={"extra_body": {**settings.sampling.extra_body, **_TOLD}})
        settings = settings.model_copy(update={"sampling": sampling})
        assert settings.base_url is not None  # checked before
        model = chat_model(
            settings.model_copy(update={"sampling": sampling.model_copy(update={"max_tokens": 1})}), at_once=1, say=self._say
        )
        try:
            answer = await model.complete([Message(role="user", content="Hello.")], [])
        except ChatError as error:
            raise ConfigError(f"{settings.base_url} does not answer a request for token ids and logprobs: {error}") from error
        finally:
            await model.close()
        if not isinstance(answer, ChatAnswer) or answer.tokens is None or answer.tokens.logprobs is None:
            raise ConfigError(f"{settings.base_url} does not tell token ids and logprobs, without which nothing is learned; vLLM does")
        return settings, await ask_server(settings.base_url, authorization(settings), settings.name)

    async def _rollouts(self, trials: Sequence[Trial], attempts: int, settings: ModelSettings) -> list[PolicyRow]:
        """A run of these trials in the next free directory."""
        chosen = {trial.task.instance_id: trial.task for trial in trials}
        number = 1 + max((int(place.name) for place in self._directory.glob("*") if place.name.isdigit()), default=0)
        if settings.sampling.seed is not None:  # of its own in every call: the same would sample the same again
            sampling = settings.sampling.model_copy(update={"seed": settings.sampling.seed + (number - 1) * _SEEDS_A_CALL})
            settings = settings.model_copy(update={"sampling": sampling})
        config = self._config.model_copy(update={"model": settings, "tasks": tuple(chosen), "attempts": attempts})
        suite: Suite = replace(self._suite, tasks=tuple(chosen.values()))
        async with AsyncExitStack() as stack:
            model = chat_model(settings, at_once=config.concurrency, say=self._say)
            stack.push_async_callback(model.close)
            store = stack.enter_context(RunStore(self._directory / f"{number:06}"))
            prepare(config, suite, store, self._engine, server=self._server)
            agent = ToolAgent(model, config.limits, config.model.prices, config.context)
            server = self._server.short()
            await run(config, suite, store, self._engine, agent, lambda result: None, server=server, trials=trials)
            store.write("summary.json", to_json(summarise(model.name, suite, attempts, store.results.values()).model_dump()))
            return await asyncio.to_thread(self._rows, store, trials)

    def _rows(self, store: RunStore, trials: Sequence[Trial]) -> list[PolicyRow]:
        results = [store.results[trial.task.instance_id, trial.attempt] for trial in trials]
        return [policy_row(read_trajectory(trial_directory(store.directory, result)), longest=self._longest) for result in results]

    def _must_be_of_use(self, rows: Sequence[PolicyRow]) -> None:
        """As long as nothing was ever learned from, rollouts that the settings make useless end it; later they are counted."""
        self._learned_before = self._learned_before or any(row.left_out is None for row in rows)
        reasons = Counter(row.left_out for row in rows)
        for reason, advice in _SETTINGS_AT_FAULT.items():
            if not self._learned_before and reasons[reason]:
                raise ConfigError(f"no rollout can be learned from, {reasons[reason]} of {len(rows)} are {reason}: {advice}")


def resolved(
    *, reward: Sequence[float | None], left_out: Sequence[LeftOut | None], log_metric: Callable[[str, float], None], **_: object
) -> list[float | None]:
    """GRPOTrainer's reward function: what the tests said of each rollout, and None, never 0, where there is no grade that counts.

    The share of rollouts that were left out goes into the trainer's log, reason by reason.
    """
    for reason, count in sorted(Counter(reason for reason in left_out if reason is not None).items()):
        log_metric(f"left_out/{reason}", count / len(left_out))
    return list(reward)
