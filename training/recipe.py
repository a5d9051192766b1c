"""Recipes: what a model family needs, in one TOML each. Nothing in here loads a model.

A recipe is found by its name or by a model's; what it says is used unless a configuration says otherwise.
"""

from __future__ import annotations

import datetime
import fnmatch
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

from pydantic import Field

from tasks.toml_file import read_as
from training.errors import TrainingError
from training.section import Section

SHIPPED: Final = Path(__file__).parent / "recipes"

Mode = Literal["reasoning", "tools", "no_reasoning"]
"""What a request is for: thinking aloud, calling tools, or answering at once."""


class Preset(Section):
    """Sampling of one mode. None: the server's own."""

    temperature: float | None = Field(default=None, ge=0)
    top_p: float | None = Field(default=None, gt=0, le=1)
    top_k: int | None = Field(default=None, gt=0)
    min_p: float | None = Field(default=None, ge=0, le=1)


class Thinking(Section):
    """How the family's thinking is written and switched."""

    open: str = "<think>"
    close: str = "</think>"
    switch: str | None = None
    """The name in `chat_template_kwargs` that turns it on and off; None: it cannot be switched by the template."""
    keep: Literal["all", "since_last_user", "none"] = "since_last_user"
    """Which turns' thinking stays in the history."""


class Template(Section):
    """Quirks of the chat template, for whoever renders conversations with it."""

    arguments: Literal["object", "string"] = "object"
    """How a tool call's arguments are handed to it."""
    literals: Literal["json", "python"] = "python"
    """`json`: it would write `True` and `None` of an argument as Python does, so it is handed `true` and `null` as text."""
    calls: Literal["native", "alone", "text"] = "native"
    """Which tool calls it writes itself: all; one that stands alone in its message, without text; none. The others are written into the text
    as `serve.tool_format` has them."""
    reasoning: Literal["field", "text"] = "field"
    """Whether it takes thinking as `reasoning_content`, or only as part of the text, between `thinking.open` and `thinking.close`."""
    tools: str = "tools"
    """What it calls the list of tools."""
    end: tuple[str, ...] = ()
    """Tokens that an answer ends with, which the model has to learn too. Empty: the tokenizer's end of text."""
    date: datetime.date = datetime.date(2025, 1, 1)
    """What a template that writes today's date is told, so that the same rows give the same tokens on any day."""
    kwargs: dict[str, bool | int | str] = Field(default_factory=dict)
    """For every rendering, so that it never takes away what the model has said."""


class Adapters(Section):
    """LoRA's targets by the kind of layer, as ends of module names (`q_proj`) or, for fused experts, of parameter names."""

    targets: dict[str, tuple[str, ...]]
    default: tuple[str, ...]
    """The kinds that are adapted unless a configuration names others."""


Engine = Literal["vllm", "sglang", "tensorrt-llm", "transformers"]


class Parsers(Section):
    """What a server calls its parsers of this family's answers."""

    tool: str | None = None
    reasoning: str | None = None


class Serve(Section):
    """What its servers are started with."""

    tool_parser: str | None = None
    """vLLM's `--tool-call-parser`."""
    reasoning_parser: str | None = None
    parsers: dict[Engine, Parsers] = Field(default_factory=dict)
    """Of other servers than vLLM."""
    variants: dict[Literal["bf16", "fp8", "nvfp4"], str] = Field(default_factory=dict)
    """Checkpoints of the same model by what their weights are stored as."""
    billions: float | None = Field(default=None, gt=0)
    """Parameters, where neither the checkpoint nor its name tells."""
    context: int | None = Field(default=None, gt=0)
    """What is served where nothing tells how much fits."""
    adapted: dict[Engine, tuple[str, ...]] = Field(default_factory=dict)
    """The kinds of layer (as in `adapters.targets`) whose adapters each server can serve; a server that is not named: all of them."""
    env: dict[str, str] = Field(default_factory=dict)
    tool_format: str | None = None
    """Of ours, for a server that has no parser."""
    trust_remote_code: bool = False
    flags: dict[Engine, tuple[str, ...]] = Field(default_factory=dict)
    """More options by the server's name."""


class Recipe(Section):
    name: str
    models: tuple[str, ...] = ()
    """Patterns of the names that such models have, in any case of letters."""
    model_types: tuple[str, ...]
    """`model_type` in a checkpoint's config.json."""
    sampling: dict[Mode, Preset] = Field(default_factory=dict)
    thinking: Thinking | None = None
    """None: the family does not think aloud."""
    template: Template = Field(default_factory=Template)
    adapters: Adapters
    serve: Serve = Field(default_factory=Serve)


def read_recipe(file: Path) -> Recipe:
    """TrainingError names the setting that is wrong."""
    return read_as(file, Recipe, TrainingError)


def shipped_recipes() -> Mapping[str, Recipe]:
    """By name."""
    return {file.stem: read_recipe(file) for file in sorted(SHIPPED.glob("*.toml"))}


def find_recipe(wanted: str) -> Recipe:
    """By a shipped name, or a file. TrainingError lists what there is."""
    if wanted.endswith(".toml"):
        return read_recipe(Path(wanted))
    recipes = shipped_recipes()
    if wanted not in recipes:
        raise TrainingError(f"there is no recipe {wanted!r}; there are {', '.join(recipes)}, or give a TOML file")
    return recipes[wanted]


def recipe_for(model: str, model_type: str | None = None) -> Recipe | None:
    """Of the family that a model's name (a hub's, a directory's or a server's) belongs to, or its `model_type`; None when no recipe knows it."""
    name = model.rstrip("/").lower()
    recipes = shipped_recipes().values()
    for recipe in recipes:
        if any(fnmatch.fnmatchcase(name, f"*{pattern.lower()}*") for pattern in recipe.models):
            return recipe
    return next((recipe for recipe in recipes if model_type in recipe.model_types), None)
