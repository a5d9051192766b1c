"""What a round would refuse, refused before the first: a mistake that is met at the training is otherwise met hours after the start.

Only settings, names and paths are looked at; nothing is loaded or asked.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

from harness.checkpoint import read_checkpoint
from harness.config import ConfigError, ModelSettings
from harness.extras import needs_extra
from harness.loop.config import Endpoint, EndpointStart, LoopConfig, Mix, Started, TrajectoryStart
from harness.loop.served import model_settings
from harness.loop.training import training_configs
from harness.loop.trials import run_config
from harness.presets import resolve
from tasks.suite import Suite
from training.config import Config
from training.errors import TrainingError
from training.recipe import Recipe, find_recipe, recipe_for
from trajectories.recipe import read_recipe
from trajectories.source import find

_NEEDED: tuple[str, ...] = ("torch", "transformers", "peft")


def refuse(config: LoopConfig, *suites: Suite) -> None:
    """ConfigError, TrainingError, TrajectoryError or StoreError with the first thing that a round would not do."""
    recipe = _recipe(config)
    for settings in training_configs(config):
        _training(config, settings, recipe)
    _programs(config)
    _rows(config)
    _rollouts(config)
    for suite in suites:
        images = {task.image for task in suite.tasks}
        if len(images) > 1:
            raise ConfigError(
                f"{suite.name}: the tasks need different images ({', '.join(sorted(images))}); choose those of one with `tasks`"
            )


def _recipe(config: LoopConfig) -> Recipe | None:
    """Of the base; None where only whoever fetches it will know."""
    checkpoint = read_checkpoint(config.base.model)
    if not checkpoint.local and config.base.model.count("/") != 1:
        raise ConfigError(f"base.model: {config.base.model}: there is no such directory, and it is no hub name (owner/name)")
    named = find_recipe(config.base.recipe) if config.base.recipe is not None else None
    recipe = named or recipe_for(Path(config.base.model).name if checkpoint.local else config.base.model, checkpoint.model_type)
    if recipe is None and checkpoint.local:
        raise ConfigError(f"no recipe knows {config.base.model} (model_type {checkpoint.model_type!r}): give base.recipe, a name or a TOML")
    if recipe is not None and checkpoint.local and checkpoint.model_type not in recipe.model_types:
        raise ConfigError(
            f"{config.base.model} is a {checkpoint.model_type!r}, and the recipe {recipe.name!r} is for {', '.join(recipe.model_types)}"
        )
    return recipe


def _training(config: LoopConfig, settings: Config, recipe: Recipe | None) -> None:
    if recipe is None:
        return
    adapters, known = settings.adapters, recipe.adapters.targets
    kinds = adapters.targets if adapters.targets is not None else recipe.adapters.default
    for kind in kinds:
        if kind not in known:
            raise TrainingError(f"adapters.targets: the recipe {recipe.name!r} knows no kind {kind!r}; it has {', '.join(known)}")
    if odd := sorted(set(adapters.ranks) - set(kinds)):
        raise TrainingError(f"adapters.ranks: {odd[0]!r} is not among the targets {', '.join(kinds)}")
    server = config.serve
    if isinstance(server, Started) and server.engine in recipe.serve.adapted:
        able = recipe.serve.adapted[server.engine]
        if unable := [kind for kind in kinds if kind not in able]:
            raise ConfigError(f"{server.engine} cannot serve an adapter of {', '.join(unable)}: take {', '.join(able)} as adapters.targets")


def _programs(config: LoopConfig) -> None:
    python = config.training.python
    if python is None:
        with needs_extra("train"):
            for name in _NEEDED:
                if importlib.util.find_spec(name) is None:
                    raise ModuleNotFoundError(name=name)
    elif not os.access(python, os.X_OK) or python.is_dir():
        raise ConfigError(f"training.python: {python}: there is no such program")
    server = config.serve
    if isinstance(server, Started) and server.environment is not None and not (server.environment / "bin").is_dir():
        raise ConfigError(f"serve.environment: {server.environment}: there is no such environment (no bin in it)")
    if isinstance(server, Endpoint) and server.command and shutil.which(server.command[0]) is None:
        raise ConfigError(f"serve.command: {server.command[0]}: there is no such program")


def _rows(config: LoopConfig) -> None:
    read_recipe(config.rows.filters)
    if config.training.preference is not None:
        read_recipe(config.rows.pairs)
    start = config.cold_start
    if isinstance(start, TrajectoryStart):
        if start.filters is not None:
            read_recipe(start.filters)
        for source in start.sources:
            next(iter(find([source])), None)


def _rollouts(config: LoopConfig) -> None:
    """Of the kinds of attempts, whether thinking can be switched as they want it."""
    settings, held_out = config.sample, config.evaluate
    base = model_settings(config, "model", "http://localhost/v1")
    evaluated = Mix(attempts=held_out.attempts, temperature=held_out.temperature, top_p=held_out.top_p, thinking=held_out.thinking)
    for part, mixes in ((settings, settings.mix), (held_out, (evaluated,))):
        for mix in mixes:
            resolve(run_config(config, part, base, mix, tasks=(), seed=0).model)
    if isinstance(start := config.cold_start, EndpointStart):
        resolve(ModelSettings(name=start.name, base_url=start.base_url, recipe=start.recipe))
