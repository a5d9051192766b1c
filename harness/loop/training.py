"""Training, and what is made of its adapter, as programs of their own: their memory is free when they end."""

from __future__ import annotations

import sys
from pathlib import Path

from harness.config import ConfigError
from harness.loop.child import run_child, run_harness
from harness.loop.config import LoopConfig
from harness.loop.errors import LoopStoppedError
from harness.loop.ledger import take_away
from tasks.toml_file import checked, read_toml
from training.base_settings import AdapterSettings
from training.config import CONFIGS, Config, Method, to_toml
from training.errors import TrainingError


def method_of(config: LoopConfig, number: int) -> Method:
    preference = config.training.preference
    return "dpo" if preference is not None and number > 0 and number % preference.every == 0 else "sft"


def training_config(config: LoopConfig, method: Method, *, rows: tuple[Path, ...], output: Path, seed: int, start: Path | None) -> Config:
    """The file of the method, with what the loop decides filled in. TrainingError names the setting that is wrong."""
    file = _file(config, method)
    content = read_toml(file, ConfigError)
    content["output"] = str(output)
    content["base"] = content.get("base", {}) | {"path": config.base.model}
    if config.base.recipe is not None:
        content["recipe"] = config.base.recipe
    content["data"] = content.get("data", {}) | {"train": [str(row) for row in rows]}
    if config.rows.validation:
        content["data"] |= {"validation": [str(row) for row in rows]}
    content["length"] = content.get("length", {}) | {"seed": seed}
    if start is not None:
        content["adapters"] = content.get("adapters", {}) | {"start": str(start)}
    return checked(content, CONFIGS[method], TrainingError, file=file)


def adapter_settings(config: LoopConfig) -> list[AdapterSettings]:
    """Of every method that the loop trains with."""
    methods: list[Method] = ["sft", "dpo"] if config.training.preference is not None else ["sft"]
    files = [_file(config, method) for method in methods]
    return [checked(read_toml(file, ConfigError).get("adapters", {}), AdapterSettings, TrainingError, file=file) for file in files]


async def train(config: LoopConfig, settings: Config, method: Method, place: Path, log: Path, mark: str) -> None:
    """A run that was broken off goes on from its checkpoint. LoopStoppedError with what it said last."""
    place.mkdir(parents=True, exist_ok=True)
    file = place / "train.toml"
    file.write_text(to_toml(settings), encoding="utf-8")
    arguments = ["train", method, str(file)]
    await run_harness(arguments, log, mark, python=config.training.python, what="training")


async def expect(config: LoopConfig, settings: Config, adapter: Path, place: Path, log: Path, mark: str) -> None:
    """What the trainer's model answers with the adapter on, for the parity check."""
    argv = [str(config.training.python or sys.executable), "-m", "training.parity", "--base", config.base.model, "--adapter", str(adapter)]
    argv += ["--precision", settings.base.precision, "--output", str(place)]
    argv += ["--device", settings.machine.device] if settings.machine.device != "auto" else []
    argv += ["--recipe", config.base.recipe] if config.base.recipe is not None else []
    await run_child(argv, log, mark, what="the trainer's side of the parity check")


async def export(config: LoopConfig, settings: Config, adapter: Path, place: Path, log: Path, mark: str, *, merged: bool) -> None:
    """What the server loads: the adapter in its layout, or a checkpoint that has it. There whole or not at all."""
    beside = place.with_name(f".{place.name}.partial")
    take_away(beside)
    take_away(place)
    if merged:
        arguments = ["export", "merge", str(adapter), "--base", config.base.model, "--output", str(beside)]
        arguments += ["--fp32"] if settings.base.precision == "fp32" else []
        arguments += ["--device", settings.machine.device] if settings.machine.device == "cuda" else []
    else:
        arguments = ["export", "adapter", str(adapter), "--layout", "vllm", "--output", str(beside)]
    try:
        await run_harness(arguments, log, mark, python=config.training.python, what="exporting the adapter")
    except LoopStoppedError:
        take_away(beside)
        raise
    beside.rename(place)


def _file(config: LoopConfig, method: Method) -> Path:
    preference = config.training.preference
    return preference.config if method == "dpo" and preference is not None else config.training.config
