"""A loop's configuration: one TOML that says all. Paths in it are relative to it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final, Literal

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from harness.config import AgentLimits, ConfigError, ContextSettings, Prices, SandboxSettings
from tasks.toml_file import checked, first_complaint, read_toml
from training.recipe import Engine

BEGUN: Final = "loop.toml"
"""In a loop's directory: the configuration of its last start, resolved."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Base(_Section):
    model: str
    """A checkpoint's directory, or a hub's name: what adapters are trained on, and what a server that the loop starts serves."""
    recipe: str | None = None
    """Of the model's family, by name or file; None: by the model's name or type."""


class Started(_Section):
    """A server that the loop starts and stops."""

    engine: Engine = "vllm"
    environment: Path | None = None
    """A virtual environment with the server in it."""
    port: int = Field(default=8000, gt=0, lt=65536)
    context: int | None = Field(default=None, gt=0)
    dtype: Literal["bf16", "fp8", "nvfp4"] | None = None
    more: tuple[str, ...] = ()
    """Options of the server's own."""
    ready_seconds: float = Field(default=1800.0, gt=0)
    turns: Literal["stop", "sleep", "together"] = "stop"
    """What becomes of the server while training runs: stopped; put to sleep (vLLM), its weights out of the GPU's memory; or left where both fit."""

    @model_validator(mode="after")
    def _sleeps(self) -> Started:
        if self.turns == "sleep" and self.engine != "vllm":
            raise ValueError(f"{self.engine} cannot be put to sleep: stop it, or serve with vllm")
        return self


class Endpoint(_Section):
    """A server that is there already."""

    base_url: str = Field(pattern="^https?://")
    name: str
    """What it calls the base."""
    api_key_variable: str = "OPENAI_API_KEY"
    command: tuple[str, ...] = ()
    """Run for every adapter, and done when the adapter is served: `{adapter}` is its directory, `{name}` what it has to be called. Empty: it is
    loaded while the server runs, through the server's own requests; the server reads the same files then."""


class Mix(_Section):
    """Attempts of one kind."""

    attempts: int = Field(default=4, gt=0, le=1000)
    """At each task."""
    temperature: float | None = Field(default=None, ge=0, le=5)
    """None: the recipe's."""
    top_p: float | None = Field(default=None, gt=0, le=1)
    thinking: Literal["server", "on", "off"] = "server"


class Curriculum(_Section):
    """Which training tasks are tried in a round, by their pass rates in the rounds before."""

    tasks: int | None = Field(default=None, gt=0)
    """At most as many a round; None: all that are worth it."""
    judged_after: int = Field(default=4, gt=0)
    """Graded attempts, before a task counts as always or never solved."""
    rounds: int = Field(default=3, gt=0)
    """How many of the last rounds count: models change."""
    revisit: float = Field(default=0.1, ge=0, le=1)
    """The share of a round's tasks that are drawn from those that were always or never solved: a better model may do otherwise."""


class Sample(_Section):
    suite: str
    split: str | None = None
    tasks: tuple[str, ...] = ()
    """Patterns of instance ids; empty: all."""
    mix: tuple[Mix, ...] = Field(default=(Mix(),), min_length=1)
    curriculum: Curriculum = Curriculum()


class Evaluate(_Section):
    """The same for the baseline and for every round."""

    suite: str
    split: str | None = None
    tasks: tuple[str, ...] = ()
    attempts: int = Field(default=4, gt=0, le=1000)
    temperature: float | None = Field(default=None, ge=0, le=5)
    top_p: float | None = Field(default=None, gt=0, le=1)
    thinking: Literal["server", "on", "off"] = "server"


class Rollouts(_Section):
    """Of sampling and evaluation."""

    concurrency: int = Field(default=8, gt=0, le=4096)
    max_tokens: int = Field(default=4096, gt=0)
    """Of one answer."""
    request_timeout_seconds: float = Field(default=600.0, gt=0)
    limits: AgentLimits = AgentLimits()
    sandbox: SandboxSettings = SandboxSettings()
    context: ContextSettings | None = None
    prices: Prices | None = None


class Rows(_Section):
    """What of the trials is learnt from."""

    filters: str = "sft"
    """A recipe of `harness trajectories filter`, by name or file."""
    pairs: str = "pairs"
    """The same for preference rounds."""
    least: int = Field(default=1, ge=0)
    """Trajectories of the round itself: with fewer it stops before it is trained. 0: what is replayed is enough."""
    replay: float = Field(default=0.25, ge=0, lt=1)
    """The share of a round's trajectories that are drawn from the rounds before it."""
    alike: float = Field(default=0.9, gt=0, le=1)
    """Jaccard similarity from which on two trajectories of a task, of whatever rounds, are one."""
    validation: float = Field(default=0.0, ge=0, lt=1)
    """The share for the trainer's own evaluation, in whole repositories."""


class Preference(_Section):
    """Rounds that train on pairs, passed against failed."""

    config: Path
    """Of `harness train dpo`."""
    every: int = Field(default=2, gt=0)
    """Each second, third … round."""


class Training(_Section):
    config: Path
    """Of `harness train sft`. The loop fills in what it decides: the base, the rows, the place, the adapter to begin from."""
    begin: Literal["base", "last"] = "base"
    """Fresh adapters in every round, or those of the best model so far."""
    python: Path | None = None
    """Of an environment that can train; None: this one."""
    preference: Preference | None = None


class Parity(_Section):
    tolerance: float | None = Field(default=None, gt=0)
    """Nats a token between what is served and what was trained; None: by the precision in which the base was trained on."""


class Promotion(_Section):
    rule: Literal["not_worse", "better"] = "not_worse"
    """`not_worse`: the one-sided 95% bound of the paired difference is above -margin; `better`: it is above 0."""
    margin: float = Field(default=0.05, ge=0, lt=1)


class Budgets(_Section):
    """Looked at before each step and while it goes on: what a budget ends is taken up there when it is raised. What is under way then is lost."""

    hours: float | None = Field(default=None, gt=0)
    """Of all steps, sittings that were broken off among them."""
    tokens: int | None = Field(default=None, gt=0)
    """Read and written by the model, in sampling and evaluation."""
    cost: float | None = Field(default=None, gt=0)
    """By the prices of rollouts."""


class OracleStart(_Section):
    """The paths of the reference solutions."""

    kind: Literal["oracle"]


class EndpointStart(_Section):
    """What another model does on the training suite."""

    kind: Literal["endpoint"]
    base_url: str = Field(pattern="^https?://")
    name: str
    api_key_variable: str = "OPENAI_API_KEY"
    recipe: str | None = None
    attempts: int = Field(default=1, gt=0, le=1000)
    temperature: float | None = Field(default=None, ge=0, le=5)


class TrajectoryStart(_Section):
    """Recorded before: run directories, and files of `harness trajectories import`."""

    kind: Literal["trajectories"]
    sources: tuple[Path, ...] = Field(min_length=1)
    filters: str | None = None
    """None: those of `rows`. Imported records have no grade of ours."""


class Expect(_Section):
    """What the plan reckons with before anything was measured."""

    turns: float = Field(default=20, gt=0)
    input_tokens: float = Field(default=8000, gt=0)
    """A turn."""
    output_tokens: float = Field(default=400, gt=0)
    """A turn."""
    tokens_per_second: float = Field(default=1000, gt=0)
    """Written, all rollouts together."""
    training_tokens_per_second: float = Field(default=10_000, gt=0)


class LoopConfig(_Section):
    directory: Path = Path("loop")
    """Where all of it lies. One that is there goes on."""
    rounds: int = Field(default=3, gt=0)
    seed: int = Field(default=0, ge=0, lt=2**31)
    base: Base
    serve: Started | Endpoint
    sample: Sample
    evaluate: Evaluate
    rollouts: Rollouts = Rollouts()
    rows: Rows = Rows()
    training: Training
    parity: Parity = Parity()
    promotion: Promotion = Promotion()
    budgets: Budgets = Budgets()
    cold_start: Annotated[OracleStart | EndpointStart | TrajectoryStart, Field(discriminator="kind")] | None = None
    expect: Expect = Expect()

    def to_toml(self) -> str:
        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True))


def read_loop(file: Path) -> LoopConfig:
    """The configuration, its paths made absolute. ConfigError names the setting that is wrong."""
    content = read_toml(file, ConfigError)
    given = content.setdefault("serve", {})
    if not isinstance(given, dict):
        raise ConfigError(f"{file}: serve: a table is wanted, [serve] (given: {given!r:.80})")
    # Of the two kinds the one that is meant: an error is about its settings, and not about the other's.
    kind: type[Started | Endpoint] = Endpoint if "base_url" in given else Started
    try:
        content["serve"] = kind.model_validate(given)
    except ValidationError as error:
        of_all = not error.errors(include_url=False)[0]["loc"]
        raise ConfigError(f"{file}: serve{': ' if of_all else '.'}{first_complaint(error)}") from error
    return _beside(checked(content, LoopConfig, ConfigError, file=file), file.resolve().parent)


def read_begun(directory: Path) -> LoopConfig:
    """The configuration of a loop's last start. ConfigError when no loop has begun there."""
    file = directory / BEGUN
    if not file.is_file():
        raise ConfigError(f"{directory} is no loop's directory (there is no {BEGUN} in it)")
    return read_loop(file)


def _beside(config: LoopConfig, directory: Path) -> LoopConfig:
    training = config.training
    preference = training.preference
    changes: dict[str, Any] = {
        "directory": directory / config.directory,
        "base": config.base.model_copy(
            update={"model": _local(directory, config.base.model), "recipe": _toml(directory, config.base.recipe)}
        ),
        "sample": config.sample.model_copy(update={"suite": _local(directory, config.sample.suite)}),
        "evaluate": config.evaluate.model_copy(update={"suite": _local(directory, config.evaluate.suite)}),
        "rows": config.rows.model_copy(
            update={"filters": _toml(directory, config.rows.filters), "pairs": _toml(directory, config.rows.pairs)}
        ),
        "training": training.model_copy(
            update={
                "config": directory / training.config,
                "python": directory / training.python if training.python is not None else None,
                "preference": preference.model_copy(update={"config": directory / preference.config}) if preference is not None else None,
            }
        ),
    }
    if isinstance(config.serve, Started) and config.serve.environment is not None:
        changes["serve"] = config.serve.model_copy(update={"environment": directory / config.serve.environment})
    if isinstance(config.cold_start, TrajectoryStart):
        sources = tuple(directory / source for source in config.cold_start.sources)
        filters = _toml(directory, config.cold_start.filters)
        changes["cold_start"] = config.cold_start.model_copy(update={"sources": sources, "filters": filters})
    return config.model_copy(update=changes)


def _local(directory: Path, name: str) -> str:
    """A directory beside the file, else a name that is known elsewhere."""
    return str(directory / name) if (directory / name).is_dir() else name


def _toml(directory: Path, name: str | None) -> str | None:
    return str(directory / name) if name is not None and name.endswith(".toml") else name
