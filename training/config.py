"""Complete, small configurations of `harness train`: one TOML a run. No torch in here.

Paths in a file are relative to it. What a run resolved lies in its directory as config.toml and can be run again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import tomli_w
from pydantic import Field, field_validator, model_validator

from tasks.toml_file import read_as
from training.base_settings import AdapterSettings, BaseSettings
from training.data_settings import DataSettings, FillInTheMiddleSettings, PackingSettings
from training.errors import TrainingError
from training.low_precision import FORMATS, refusal
from training.section import Section

Method = Literal["dapt", "sft", "dpo"]
Share = Annotated[float, Field(ge=0, lt=1)]


class OptimizerSettings(Section):
    name: Literal["adamw", "adamw_8bit", "paged_adamw", "paged_adamw_8bit", "muon"] = "adamw"
    """`adamw` is torch's; those with 8 bits or paged states are bitsandbytes', for a GPU; `muon` is torch's, for matrices, with AdamW for all else."""
    learning_rate: float = Field(gt=0)
    """At its highest."""
    betas: tuple[Share, Share] = (0.9, 0.95)
    epsilon: float = Field(default=1e-8, gt=0)
    weight_decay: float = Field(default=0.0, ge=0)
    momentum: float = Field(default=0.95, ge=0, lt=1)
    """Muon's."""
    most_gradient: float = Field(default=1.0, gt=0)
    """Norm to which gradients are clipped."""


class ScheduleSettings(Section):
    name: Literal["cosine", "wsd", "constant"] = "cosine"
    """`wsd`: warm-up, stable, decay (Hu et al. 2024)."""
    warmup: float = Field(default=0.03, ge=0, lt=1)
    """Share of the steps over which the rate rises from 0."""
    decay: float = Field(default=0.2, gt=0, le=1)
    """Share of the steps over which it falls, for wsd."""
    floor: float = Field(default=0.0, ge=0, le=1)
    """The share of the rate that is left at the end."""


class LengthSettings(Section):
    """How long, and how much at once."""

    epochs: float = Field(default=1.0, gt=0)
    steps: int | None = Field(default=None, gt=0)
    """In the place of epochs."""
    rows_per_step: int = Field(default=1, gt=0)
    """Packed rows (dpo: pairs) whose gradients make one step of the optimizer, over all processes together."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Of packing, order, adapters and dropout."""


class EvaluationSettings(Section):
    every_steps: int = Field(default=50, gt=0)
    """And at the end; where data.validation is given."""
    patience: int | None = Field(default=None, gt=0)
    """Stop after as many evaluations without a better loss; the adapter is then the best evaluation's, and not the last step's."""


class CheckpointSettings(Section):
    every_steps: int | None = Field(default=100, gt=0)
    """Besides the one of an interruption and of the end."""
    keep: int = Field(default=2, gt=0)


class MachineSettings(Section):
    device: Literal["auto", "cuda", "cpu"] = "auto"
    spread: Literal["replicate", "shard"] = "replicate"
    """Over the processes of torchrun: each holds the base and adapters' gradients are summed; or the base is sharded too (FSDP2)."""
    peak_tflops: float | None = Field(default=None, gt=0)
    """Dense, in the precision that is trained in: what MFU is a share of. None: as the card's maker says, where it is known."""
    tensorboard: bool = True


class PreferenceSettings(Section):
    loss: Literal["dpo", "orpo"] = "dpo"
    """dpo: Rafailov et al. 2023, against the model as it begins (the base, or base and adapters.start); orpo: Hong et al. 2024, without a reference."""
    beta: float = Field(default=0.1, gt=0)
    """dpo's temperature, or the weight of orpo's odds ratio."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=0.5)
    """The share of pairs that are taken to be the wrong way round (conservative DPO)."""
    sft_weight: float = Field(default=0.0, ge=0)
    """Of the chosen answers' own loss per token, for dpo; orpo has it always."""


class _Config(Section):
    output: Path
    """A directory; a run that is there already goes on."""
    recipe: str | None = None
    """A shipped recipe's name or a TOML; None: by the base's name or type."""
    base: BaseSettings
    adapters: AdapterSettings = AdapterSettings()
    data: DataSettings
    packing: PackingSettings
    optimizer: OptimizerSettings
    schedule: ScheduleSettings = ScheduleSettings()
    length: LengthSettings = LengthSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    checkpoints: CheckpointSettings = CheckpointSettings()
    machine: MachineSettings = MachineSettings()

    @field_validator("base", mode="before")
    @classmethod
    def _in_an_offered_precision(cls, base: Any) -> Any:
        wanted = base.get("precision") if isinstance(base, dict) else None
        if wanted in FORMATS:
            raise ValueError(refusal(wanted))
        return base

    @model_validator(mode="after")
    def _fit(self) -> _Config:
        if self.packing.tokens < self.data.max_tokens:
            raise ValueError(f"packing.tokens is {self.packing.tokens}, less than data.max_tokens, {self.data.max_tokens}")
        if self.base.precision in ("nf4", "fp4") and self.machine.spread == "shard":
            raise ValueError("4-bit bases are not sharded: set machine.spread to replicate, or base.precision to bf16")
        return self


class DaptConfig(_Config):
    """Domain-adaptive pre-training on texts."""

    fill_in_the_middle: FillInTheMiddleSettings = FillInTheMiddleSettings()

    @model_validator(mode="after")
    def _no_cut(self) -> DaptConfig:
        if self.data.too_long == "cut":
            raise ValueError("data.too_long: there are no observations to cut in texts: split or refuse")
        return self


class SftConfig(_Config):
    """Supervised fine-tuning on conversations."""


class DpoConfig(_Config):
    """Preference training on pairs."""

    preference: PreferenceSettings = PreferenceSettings()

    @model_validator(mode="after")
    def _no_split(self) -> DpoConfig:
        if self.data.too_long == "split":
            raise ValueError("data.too_long: a side of a pair is not split: cut or refuse")
        if self.packing.tokens < 2 * self.data.max_tokens:
            raise ValueError(
                f"packing.tokens is {self.packing.tokens}: both sides of a pair go into one row, so at least twice data.max_tokens is needed"
            )
        return self


Config = DaptConfig | SftConfig | DpoConfig
CONFIGS: dict[Method, type[DaptConfig] | type[SftConfig] | type[DpoConfig]] = {"dapt": DaptConfig, "sft": SftConfig, "dpo": DpoConfig}

AnyConfig = TypeVar("AnyConfig", bound=_Config)


def read_config(file: Path, kind: type[AnyConfig]) -> AnyConfig:
    """TrainingError names the setting that is wrong."""
    return _beside(read_as(file, kind, TrainingError), file.resolve().parent)


def to_toml(config: _Config) -> str:
    """Every setting that has a value."""
    return tomli_w.dumps(_told(config.model_dump(mode="json")))


def _beside(config: AnyConfig, directory: Path) -> AnyConfig:
    data = config.data.model_copy(
        update={
            "train": tuple(directory / each for each in config.data.train),
            "validation": tuple(directory / each for each in config.data.validation),
        }
    )
    updates: dict[str, Any] = {"data": data, "output": directory / config.output}
    if (directory / config.base.path).is_dir():  # else it is a hub's name
        updates["base"] = config.base.model_copy(update={"path": str(directory / config.base.path)})
    if config.adapters.start is not None:
        updates["adapters"] = config.adapters.model_copy(update={"start": directory / config.adapters.start})
    if config.recipe is not None and config.recipe.endswith(".toml"):
        updates["recipe"] = str(directory / config.recipe)
    return config.model_copy(update=updates)


def _told(content: dict[str, Any]) -> dict[str, Any]:
    """TOML has no null."""
    return {name: _told(value) if isinstance(value, dict) else value for name, value in content.items() if value is not None}
