"""What a checkpoint on disk says of itself, as far as a server's settings depend on it: its size, its context, what a token of it keeps in memory."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from harness.config import ConfigError
from tasks.integrity import printable
from training.recipe import Recipe


class Checkpoint(BaseModel):
    """None where nothing tells."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    local: bool
    model_type: str | None = None
    bytes: int | None = None
    """Of its weights as they are stored."""
    billions: float | None = None
    """Parameters."""
    stored_as: str | None = None
    """bf16, fp8, nvfp4 or another."""
    context: int | None = None
    heads: int | None = None
    bytes_per_token: int | None = None
    """That attention keeps of a token, as bfloat16."""


class LoraSettings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    path: Path
    rank: int
    targets: tuple[str, ...]


def read_checkpoint(model: str, recipe: Recipe | None = None) -> Checkpoint:
    """Of a directory, or of a hub's name, of which only the recipe and the name tell. ConfigError when a directory holds no model."""
    if not model:
        raise ConfigError("which model? a directory or a hub's name is needed")
    place = Path(model)
    if not place.is_dir():
        if model.startswith(("/", "./", "../")):
            raise ConfigError(f"{model}: there is no such directory")
        billions = recipe.serve.billions if recipe is not None and recipe.serve.billions else _billions(model)
        return Checkpoint(model=model, local=False, billions=billions, stored_as=_stored_as_named(model))
    try:
        config = json.loads((place / "config.json").read_text(encoding="utf-8"))
        return _of_config(model, place, config, recipe)
    except (OSError, ValueError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise ConfigError(f"{model}: no model's config.json can be read there ({_one_line(error)})") from error


def _of_config(model: str, place: Path, config: dict[str, Any], recipe: Recipe | None) -> Checkpoint:
    """Whatever is raised is of a configuration that no model has."""
    text = config.get("text_config", config)
    size = sum(file.stat().st_size for pattern in ("*.safetensors", "*.bin", "*.gguf") for file in place.glob(pattern)) or None
    stored = _stored_as(config)
    width = {"bf16": 2.0, "fp16": 2.0, "fp32": 4.0, "fp8": 1.0, "nvfp4": 0.5625}.get(stored or "", 2.0)
    heads = text.get("num_attention_heads")
    return Checkpoint(
        model=model,
        local=True,
        model_type=config.get("model_type"),
        bytes=size,
        billions=round(size / width / 1e9, 3) if size else recipe.serve.billions if recipe else None,
        stored_as=stored,
        context=text.get("max_position_embeddings"),
        heads=heads,
        bytes_per_token=_bytes_per_token(text),
    )


def read_adapter(name: str, path: Path) -> LoraSettings:
    """What an adapter says of itself. ConfigError when it is none, or has no weights."""
    try:
        config = json.loads((path / "adapter_config.json").read_text(encoding="utf-8"))
        targets = config["target_modules"]
        listed = [targets] if isinstance(targets, str) else [*(targets or ()), *(config.get("target_parameters") or ())]
        ranks = (config["r"], *(config.get("rank_pattern") or {}).values())
        rank = max(map(int, ranks))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ConfigError(f"{path}: no adapter is there: adapter_config.json cannot be read ({_one_line(error)})") from error
    if not listed or rank < 1:
        raise ConfigError(f"{path}: adapter_config.json names no layers or no rank: no server can tell what it adapts")
    if not any((path / file).exists() for file in ("adapter_model.safetensors", "adapter_model.bin")):
        raise ConfigError(f"{path}: the adapter has no adapter_model.safetensors")
    return LoraSettings(name=name, path=path.absolute(), rank=rank, targets=tuple(map(str, listed)))


def _one_line(error: Exception) -> str:
    return printable(" ".join(str(error).split()))[:200]


def _billions(name: str) -> float | None:
    found = re.search(r"(?<![\d.A-Za-z])(\d+(?:\.\d+)?)B(?![A-Za-z])", name, re.IGNORECASE)
    return float(found[1]) if found else None


def _stored_as_named(name: str) -> str | None:
    return next((kind for kind in ("nvfp4", "fp8", "bf16") if kind in name.lower()), None)


def _stored_as(config: dict[str, Any]) -> str | None:
    quantized = config.get("quantization_config") or {}
    words = json.dumps(quantized).lower()
    if quantized:
        return "nvfp4" if "nvfp4" in words or "fp4" in words else "fp8" if "fp8" in words else str(quantized.get("quant_method"))
    stored = str(config.get("dtype") or config.get("torch_dtype") or "")
    return {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32"}.get(stored)


def _bytes_per_token(config: dict[str, Any]) -> int | None:
    """Keys and values of every layer with attention: 2 of them, of 2 bytes a number."""
    layers, heads = config.get("num_hidden_layers"), config.get("num_key_value_heads") or config.get("num_attention_heads")
    width = config.get("head_dim")
    if width is None and config.get("hidden_size") and config.get("num_attention_heads"):
        width = config["hidden_size"] // config["num_attention_heads"]
    pattern = config.get("hybrid_override_pattern")
    if isinstance(pattern, str):
        layers = pattern.count("*")
    return int(4 * layers * heads * width) if layers and heads and width else None
