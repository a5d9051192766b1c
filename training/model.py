"""A base to train on: its modules made empty, and filled from a checkpoint tensor by tensor, each quantised as it comes where that is asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import torch
from torch import nn

from training import attention, nemotron_h
from training.adapters import Matched, adapters_off, attach_adapters, begin_from, load_adapter, save_adapter
from training.base_settings import BaseSettings
from training.errors import TrainingError
from training.experts import Experts
from training.four_bits import FourBitLinear, Levels
from training.recipe import Recipe
from training.weights import Checkpoint, RandomWeights, Weights

__all__ = [
    "Matched",
    "adapters_off",
    "attach_adapters",
    "begin_from",
    "layers_of",
    "load_adapter",
    "load_base",
    "planned_base",
    "random_base",
    "save_adapter",
]

LayerFilled = Callable[[nn.Module], None]

PADDED: Final = 2048
"""Rows are made a multiple of it where shapes are compiled."""

# What stays as it is in a 4-bit base: small, or read by kernels as it lies.
_WHOLE: Final = ("lm_head", "gate", "router", "embed_tokens", "embeddings")


def load_base(settings: BaseSettings, recipe: Recipe | None, device: torch.device | str, *, filled: LayerFilled | None = None) -> Any:
    """Frozen, in training mode, on `device`. Host memory peaks at one layer's tensors. `filled` is called with each layer of the decoder before the next is read,
    and may leave less of it on the device. TrainingError when it cannot be trained on."""
    directory, place = _directory(settings.path), torch.device(device)
    config = _config(directory, settings)
    _check(config, settings, recipe)
    with ExitStack() as stack:
        model = _filled(config, settings, place, lambda _: Checkpoint(directory, stack=stack, shapes_only=place.type == "meta"), filled)
    model.harness_base = str(directory)
    return model


def planned_base(config: Any, settings: BaseSettings, recipe: Recipe) -> Any:
    """What `load_base` makes, on the meta device: of its files only the headers are read, and what it refuses is refused. Of a hub's name, whose weights may not
    be here, `config` alone is looked at."""
    if Path(settings.path).is_dir():
        return load_base(settings, recipe, "meta")
    _check(config, settings, recipe)
    _refuse_quantised(settings, getattr(config, "quantization_config", None))
    return random_base(config, settings, "meta")


def random_base(config: Any, settings: BaseSettings, device: torch.device | str, seed: int = 0) -> Any:
    """A base of random weights of the shape that `config` (of transformers) says: for measurements, and on the meta device for plans. `settings.path` is not read."""
    place = torch.device(device)
    return _filled(config, settings, place, lambda names: RandomWeights(names, dtype=_dtype(settings), device=place, seed=seed))


def layers_of(model: nn.Module) -> nn.ModuleList:
    """Of the decoder. TrainingError when it is not built of layers."""
    for name in ("model.layers", "backbone.layers", "transformer.h"):
        try:
            found = model.get_submodule(name)
        except AttributeError:
            continue
        if isinstance(found, nn.ModuleList):
            return found
    raise TrainingError("the layers of this model are not known, so it cannot be sharded: set machine.spread to replicate")


def _filled(
    config: Any,
    settings: BaseSettings,
    device: torch.device,
    source: Callable[[set[str]], Weights],
    layer_filled: LayerFilled | None = None,
) -> Any:
    from accelerate import init_empty_weights
    from transformers import AutoModelForCausalLM

    attention.register()
    with init_empty_weights(include_buffers=False):
        model: Any = AutoModelForCausalLM.from_config(
            config, dtype=_dtype(settings), attn_implementation=attention.NAME, trust_remote_code=settings.trust_remote_code
        )
    wanted = {name for name, parameter in model.named_parameters() if parameter.is_meta} | set(_kept_buffers(model))
    weights = source(wanted)
    filled = _fill(model, weights, settings, device, layer_filled)
    model.tie_weights()
    left = [name for name, parameter in model.named_parameters() if parameter.is_meta and id(parameter) not in filled]
    if left:
        raise TrainingError(f"the checkpoint has no tensor {left[0]!r}; is it complete, and of this architecture?")
    model.to(device)
    model.requires_grad_(False)
    model.config.use_cache = False
    if model.config.model_type == "nemotron_h":
        nemotron_h.prepare(model, settings)
        model.padded_to = PADDED if settings.compile else 1
    else:
        # It has another name since transformers 5.23.
        enable = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
        enable({"use_reentrant": False})
    model.train()
    return model


def _fill(model: Any, weights: Weights, settings: BaseSettings, device: torch.device, layer_filled: LayerFilled | None) -> set[int]:
    """In order of the modules, so that a layer is done before the next is read. The ids of the parameters that the model has from there."""
    filled: set[int] = set()
    levels: Levels | None = settings.precision if settings.precision in ("nf4", "fp4") else None
    dtype, names = _dtype(settings), weights.names()
    persistent = _kept_buffers(model)
    layers = set(layers_of(model)) if layer_filled is not None else set()
    layer, inside = None, ""
    for path, module in list(model.named_modules()):
        if layer_filled is not None and layer is not None and not path.startswith(inside):
            layer_filled(layer)
            layer = None
        if module in layers:
            layer, inside = module, f"{path}."
        if experts := _fused(module):
            up, down = (weights.tensor(f"{path}.{name}", getattr(module, name).shape).to(device, dtype) for name in experts)
            held: nn.Module = Experts(up, down, gated=experts[0] == "gate_up_proj", levels=levels)
            model.set_submodule(path, held)
            filled.update(map(id, held.parameters()))
            continue
        if levels and isinstance(module, nn.Linear) and path.rsplit(".", 1)[-1] not in _WHOLE and module.weight.is_meta:
            weight = weights.tensor(f"{path}.weight", module.weight.shape).to(device, dtype)
            bias = None if module.bias is None else weights.tensor(f"{path}.bias", module.bias.shape).to(device, dtype)
            held = FourBitLinear(weight, bias, levels)
            model.set_submodule(path, held)
            filled.update(map(id, held.parameters()))
            continue
        for name, parameter in list(module.named_parameters(recurse=False)):
            full = f"{path}.{name}" if path else name
            if parameter.is_meta and full in names:
                made = nn.Parameter(weights.tensor(full, parameter.shape).to(device, dtype), requires_grad=False)
                setattr(module, name, made)
                filled.add(id(made))
        for name, buffer in list(module.named_buffers(recurse=False)):
            full = f"{path}.{name}"
            if full in persistent and full in names:
                # Biases of a router's choice are compared in fp32 whatever the weights' type is.
                setattr(module, name, weights.tensor(full, buffer.shape).to(device, buffer.dtype))
    if layer_filled is not None and layer is not None:
        layer_filled(layer)
    return filled


def _kept_buffers(model: Any) -> set[str]:
    saved = set(model.state_dict())
    return {name for name, _ in model.named_buffers() if name in saved}


def _fused(module: nn.Module) -> tuple[str, str] | None:
    """The names of fused expert weights that a module holds."""
    for up in ("gate_up_proj", "up_proj"):
        weights = [getattr(module, name, None) for name in (up, "down_proj")]
        if all(isinstance(weight, nn.Parameter) and weight.dim() == 3 for weight in weights):
            return up, "down_proj"
    return None


def _dtype(settings: BaseSettings) -> torch.dtype:
    return torch.float32 if settings.precision == "fp32" else torch.bfloat16


def _directory(path: str) -> Path:
    """Of a hub name: where the hub's client has it, fetched if need be."""
    if Path(path).is_dir():
        return Path(path)
    if path.startswith((".", "/", "~")) or path.count("/") != 1:
        raise TrainingError(f"{path}: there is no such directory, and it is no hub name (owner/name)")
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(path, allow_patterns=["*.json", "*.safetensors", "*.jinja", "*.model", "*.txt", "*.py"]))
    except (OSError, ValueError, RuntimeError) as error:
        raise TrainingError(f"{path}: cannot be fetched ({str(error).splitlines()[0]}); give a directory") from error


def _check(config: Any, settings: BaseSettings, recipe: Recipe | None) -> None:
    """TrainingError when the recipe is of another family, or a setting would do nothing on this one."""
    kind = config.model_type
    if recipe is not None and kind not in recipe.model_types:
        raise TrainingError(f"{settings.path} is a {kind!r}, and the recipe {recipe.name!r} is for {', '.join(recipe.model_types)}")
    if kind == "nemotron_h":
        return
    for name, idle in (("mamba", settings.mamba == "auto"), ("compile", not settings.compile), ("keep", settings.keep != "most")):
        if not idle:
            raise TrainingError(f"base.{name} = {getattr(settings, name)!r} is for nemotron_h and does nothing on a {kind!r}: take it out")


def _refuse_quantised(settings: BaseSettings, stored: Any, *, modelopt: bool = False) -> None:
    method = stored.get("quant_method") or "by a method it does not name" if isinstance(stored, dict) and stored else None
    if method == "modelopt" or modelopt:
        raise TrainingError(f"{settings.path} is quantised by ModelOpt, whose scales training would ignore; take the bf16 checkpoint")
    if method is not None:
        raise TrainingError(
            f"{settings.path} is quantised already ({method}); take the bf16 checkpoint, which is quantised while it is read"
        )


def _config(directory: Path, settings: BaseSettings) -> Any:
    from transformers import AutoConfig

    file = directory / "config.json"
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(f"{file}: not a model's configuration: {error}") from error
    _refuse_quantised(settings, stored.get("quantization_config"), modelopt=(directory / "hf_quant_config.json").is_file())
    try:
        return AutoConfig.from_pretrained(directory, trust_remote_code=settings.trust_remote_code)
    except (OSError, ValueError, KeyError) as error:
        raise TrainingError(f"{file}: {str(error).splitlines()[0]}") from error
