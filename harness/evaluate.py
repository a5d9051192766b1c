"""From a configuration to a finished run directory: endpoint, suite, sandbox and store are made ready, then `run` does the work."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import harness
from harness.agent import ToolAgent
from harness.balance import BalancedChatModel
from harness.config import ConfigError, ModelSettings, RunConfig
from harness.continuation import must_hold_budget
from harness.discovery import discover, refuses
from harness.endpoint import OpenAIChatModel, authorization
from harness.engines import choose_engine
from harness.oracle import BUILT_IN, script_for, serve_scripts
from harness.presets import of_other_servers, resolve, without_additions
from harness.profile import Profile
from harness.run import OnResult, Perform, RunStoppedError, Trial, note_nodes, pending, prepare, run, setting_of
from harness.server_words import ServerWords, ask_server
from harness.summary import Summary, summarise
from sandboxes.images.recipe import Say
from sandboxes.sandbox import SandboxEngine
from tasks.suite import Suite, load_suite
from trajectories.store import RunStore, StoreError, to_json

_LEAST_FREE_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Started:
    """What is known when the work begins."""

    directory: Path
    model: str
    suite: Suite
    sandbox: str
    does_not_hold: tuple[str, ...]
    planned: int
    done: int


@dataclass(frozen=True, slots=True)
class Spread:
    """Over the nodes of a Ray cluster."""

    address: str | None = None
    """None: the one that this machine belongs to, else one that is started here."""


async def evaluate(
    config: RunConfig,
    *,
    output: Path | None,
    fresh: bool,
    say: Say,
    on_start: Callable[[Started], OnResult],
    profile: Profile | None = None,
    spread: Spread | None = None,
) -> tuple[Path, Summary]:
    """Evaluate the configured model on the configured suite; the run directory and its numbers.

    The same configuration goes on in the same directory, unless `fresh`. `on_start` is called once with what is about to be run and
    returns what is called with each result. Raises ConfigError, TaskError, SandboxError, StoreError before anything is spent;
    RunStoppedError in the middle of it, for the disk as well.
    """
    suite = load_suite(config.suite).select(config.tasks, split=config.split)
    async with _endpoint(config, suite, profile, say) as (model, config, at_once):
        directory = output or _directory(config, suite, fresh=fresh)
        _check_space(directory)
        concurrency = 1 if spread else config.concurrency
        wanted = dict.fromkeys(task.image for task in suite.tasks)
        engines = {image: choose_engine(config.sandbox.backend, image, say, concurrency=concurrency) for image in wanted}
        with RunStore(directory) as store:
            try:
                for engine in engines.values():  # all of them: an image that cannot be built is known before anything is spent
                    await engine.start()
                server = await _server(config)
                one = next(iter(engines.values()))
                images = {image: engine.image for image, engine in engines.items()}
                prepare(config, suite, store, one, server=server, profile=profile, images=images)
                on_result = on_start(_started(config, suite, store, one, model.name))
                for image, engine in engines.items():  # one after the other: each keeps boxes of its own ready
                    trials = [trial for trial in pending(config, suite, store) if trial.task.image == image]
                    if trials:
                        async with _nodes(config, model.settings, at_once, suite, image, engine, server, store, spread, say) as perform:
                            await _work(config, suite, store, engine, model, on_result, server, perform, trials)
                    await engine.close()
            finally:
                for engine in engines.values():
                    await engine.close()
            summary = summarise(model.name, suite, config.attempts, store.results.values())
            try:
                store.write("summary.json", to_json(summary.model_dump()))
            except StoreError as error:
                raise RunStoppedError(str(error)) from error
    return directory, summary


def _started(config: RunConfig, suite: Suite, store: RunStore, engine: SandboxEngine, model: str) -> Started:
    planned = len(suite.tasks) * config.attempts
    return Started(
        directory=store.directory,
        model=model,
        suite=suite,
        sandbox=engine.name,
        does_not_hold=tuple(engine.shortfalls()),
        planned=planned,
        done=planned - len(pending(config, suite, store)),
    )


async def _work(
    config: RunConfig,
    suite: Suite,
    store: RunStore,
    engine: SandboxEngine,
    model: OpenAIChatModel | BalancedChatModel,
    on_result: OnResult,
    server: ServerWords,
    perform: Perform | None,
    trials: Sequence[Trial],
) -> None:
    agent = ToolAgent(model, config.limits, config.model.prices, config.context)
    await run(config, suite, store, engine, agent, on_result, server=server.short(), perform=perform, trials=trials)


@contextlib.asynccontextmanager
async def _endpoint(
    config: RunConfig, suite: Suite, profile: Profile | None, say: Say
) -> AsyncIterator[tuple[OpenAIChatModel | BalancedChatModel, RunConfig, int]]:
    """The model, the configuration with all that was found out of it, and how many requests there may be at once.

    A built-in endpoint's port is no part of the configuration.
    """
    with contextlib.ExitStack() as stack:
        settings = config.model
        at_once = config.concurrency
        if settings.name in BUILT_IN and settings.base_url is None:
            address = stack.enter_context(serve_scripts(settings.name, script_for(settings.name, suite.tasks)))
            settings = settings.model_copy(update={"base_url": address})
        else:
            found = await discover(settings)
            for url in settings.more_urls:
                await discover(found.model_copy(update={"base_url": url}))  # each serves the same name
            settings = await _heard(resolve(found, profile), found, profile, say)
            if profile is None:
                await must_hold_budget(settings)
            if profile is not None and (others := of_other_servers(settings, profile)):
                say(f"the profile is of {profile.base_url}; the same is taken to hold for {', '.join(others)}")
            if profile is not None and profile.safe_concurrency is not None and profile.safe_concurrency < at_once:
                at_once = profile.safe_concurrency
                say(f"at most {at_once} requests at once, as the profile says")
            config = config.model_copy(update={"model": settings})
        model = chat_model(settings, at_once=at_once, say=say)
        try:
            yield model, config, at_once
        finally:
            await model.close()


@contextlib.asynccontextmanager
async def _nodes(
    config: RunConfig,
    settings: ModelSettings,
    at_once: int,
    suite: Suite,
    image: str,
    engine: SandboxEngine,
    server: ServerWords,
    store: RunStore,
    spread: Spread | None,
    say: Say,
) -> AsyncIterator[Perform | None]:
    """What does the rollouts elsewhere; None: they are done here."""
    if spread is None:
        yield None
        return
    from harness.cluster import cluster

    setting = setting_of(config, suite, engine, server.short())
    work = config.model_copy(update={"model": settings})  # a built-in endpoint's address is known by now
    async with cluster(work, suite, image, setting, address=spread.address, at_once=at_once, say=say) as nodes:
        note_nodes(store, nodes.described())
        say("1 node does the work" if len(nodes.living) == 1 else f"{len(nodes.living)} nodes do the work")
        yield nodes.perform


async def _heard(settings: ModelSettings, found: ModelSettings, profile: Profile | None, say: Say) -> ModelSettings:
    """The settings, less what a recipe adds and the server refuses. Asked with one token, where no profile tells."""
    if profile is not None or without_additions(settings, found) == settings:
        return settings
    refusal = await refuses(settings)
    if refusal is None or await refuses(without_additions(settings, found)) is not None:
        return settings
    added = {**settings.sampling.extra_body, **settings.sampling.chat_template_kwargs}
    say(f"the server takes no {', '.join(sorted(added))}: left out ({refusal})")
    return without_additions(settings, found)


def chat_model(settings: ModelSettings, *, at_once: int, say: Say) -> OpenAIChatModel | BalancedChatModel:
    """The model at its one server, or balanced over several, each of which may get all that is under way."""
    urls = (settings.base_url, *settings.more_urls)
    alone = len(urls) == 1
    models = [OpenAIChatModel(settings.model_copy(update={"base_url": url}), at_once=at_once, say=say, alone=alone) for url in urls]
    return models[0] if len(models) == 1 else BalancedChatModel(models)


async def _server(config: RunConfig) -> ServerWords:
    settings = config.model
    if settings.base_url is None:
        return ServerWords(software="built-in", version=harness.__version__)
    return await ask_server(settings.base_url, authorization(settings), settings.name)


def _directory(config: RunConfig, suite: Suite, *, fresh: bool) -> Path:
    """`runs/<suite>-<model>-<digest>`: the same for the same configuration and suite. With `fresh`, the first that is not there yet."""
    slug = re.sub(r"[^A-Za-z0-9._]+", "-", config.model.name).strip("-.")[:60]
    parts = (suite.name, config.split, slug, f"{config.identity()[:6]}{suite.digest[:6]}")
    base = Path("runs") / "-".join(part for part in parts if part)
    directory = base
    number = 2
    while fresh and directory.exists():
        directory = base.with_name(f"{base.name}-{number}")
        number += 1
    return directory


def free_space(directory: Path) -> tuple[Path, int]:
    """The directory, or the nearest one above it that is there already, and how many bytes are free on its disk."""
    existing = next(place for place in (directory.absolute(), *directory.absolute().parents) if place.exists())
    return existing, shutil.disk_usage(existing).free


def _check_space(directory: Path) -> None:
    existing, free = free_space(directory)
    if free < _LEAST_FREE_BYTES:
        raise ConfigError(
            f"{existing}: only {free // 2**20} MiB are free, a run needs {_LEAST_FREE_BYTES // 2**20}; free some or give another --output"
        )
