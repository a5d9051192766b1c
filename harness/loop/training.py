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
from training.config import CONFIGS, Config, Method, to_toml
from training.errors import TrainingError


def method_of(config: LoopConfig, number: int) -> Method:
    preference = config.training.preference
    return "dpo" if preference is not None and number > 0 and number % preference.every == 0 else "sft"


def training_config(config: LoopConfig, method: Method, *, rows: tuple[Path, ...], output: Path, seed: int, start: Path | None) -> Config:
    """The file of the method, with what the loop decides filled in. ConfigError and TrainingError name the setting that is wrong."""
    file = _file(config, method)
    content = read_toml(file, ConfigError)
    listed = [str(row) for row in rows]
    decided: dict[str, dict[str, object]] = {
        "base": {"path": config.base.model},
        "data": {"train": listed, **({"validation": listed} if config.rows.validation else {})},
        "length": {"seed": seed},
        "adapters": {"start": str(start)} if start is not None else {},
    }
    for name, settings in decided.items():
        section = content.setdefault(name, {})
        if not isinstance(section, dict):
            raise TrainingError(f"{file}: {name}: a table is wanted, [{name}] (given: {section!r:.80})")
        section |= settings
    content["output"] = str(output)
    if config.base.recipe is not None:
        content["recipe"] = config.base.recipe
    return checked(content, CONFIGS[method], TrainingError, file=file)


def training_configs(config: LoopConfig) -> list[Config]:
    """One of every method that the loop's rounds train with."""
    methods = dict.fromkeys(method_of(config, number) for number in range(0 if config.cold_start is not None else 1, config.rounds + 1))
    return [training_config(config, method, rows=(Path("rows"),), output=Path("train"), seed=0, start=None) for method in methods]


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
