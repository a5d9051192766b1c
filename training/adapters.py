"""LoRA on a base by the recipe's kinds of layer: attached, switched off or set back for a reference, saved in PEFT's layout and read back.

Linear layers get PEFT's own modules. Fused experts get pairs of ours, which PEFT's files hold as it would write them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import nn

from training.adapter_files import Adapter, Pair, read_adapter, write_peft
from training.base_settings import AdapterSettings
from training.errors import TrainingError
from training.experts import Experts
from training.four_bits import FourBitLinear
from training.origin import check_origin, write_origin
from training.recipe import Recipe

NAME: Final = "default"


@dataclass(frozen=True, slots=True)
class Matched:
    """What a kind of layer came to."""

    modules: tuple[str, ...]
    """Names of linear layers, or of fused expert weights."""
    parameters: int
    """Trainable."""


def attach_adapters(model: Any, recipe: Recipe, settings: AdapterSettings, *, device: torch.device | None = None) -> Mapping[str, Matched]:
    """In place; by kind. `device`: where it will be trained, if not where it is. TrainingError when a kind is unknown or matches nothing, or when what is asked for cannot be had on this base."""
    kinds = settings.targets if settings.targets is not None else recipe.adapters.default
    found = {kind: _names_of(model, recipe, kind) for kind in kinds}
    _check(model, settings, found, device or next(model.parameters()).device)
    before = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    linear = {name: _rank(settings, kind) for kind, names in found.items() for name in names if not _is_expert(model, name)}
    if linear:
        _inject(model, linear, settings)
    for kind, names in found.items():
        for name in names:
            if _is_expert(model, name):
                owner, _, weight = name.rpartition(".")
                rank = _rank(settings, kind)
                model.get_submodule(owner).adapt(weight, rank, _scaling(settings, rank))
    _only_adapters_train(model)
    trained = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad and name not in before}
    model.harness_adapters = settings.model_dump()
    return {kind: Matched(names, sum(_size(trained, name) for name in names)) for kind, names in found.items()}


@contextmanager
def adapters_off(model: Any) -> Iterator[None]:
    """The base alone, for a reference."""
    switched = list(_switches(model))
    for module in switched:
        _switch(module, on=False)
    try:
        yield
    finally:
        for module in switched:
            _switch(module, on=True)


def save_adapter(model: Any, directory: Path) -> None:
    """In PEFT's layout: its loader, over a bf16 base of the same architecture, gives the same function."""
    write_peft(Adapter(tuple(pairs_of(model)), _peft_config(model)), directory)
    if base := getattr(model, "harness_base", None):
        write_origin(directory, Path(base))


def load_adapter(model: Any, directory: Path) -> None:
    """Onto a base: as it was saved, by `save_adapter` or by PEFT. TrainingError when it is of another base, or of other targets, ranks or scaling than the
    adapters that the model has already."""
    if base := getattr(model, "harness_base", None):
        check_origin(directory, Path(base))
    adapter = read_adapter(directory)
    if not list(_switches(model)):
        _attach_stored(model, adapter, directory)
    with torch.no_grad():
        for mine, pair in _matching(model, adapter, directory):
            mine.a.copy_(pair.a)
            mine.b.copy_(pair.b)
            if mine.magnitude is not None and pair.magnitude is not None:
                mine.magnitude.copy_(pair.magnitude)


def begin_from(model: Any, directory: Path) -> None:
    """The weights of that adapter in the place of those that were just attached (on the meta device: whether they fit). TrainingError as `load_adapter`."""
    try:
        load_adapter(model, directory)
    except TrainingError as error:
        raise TrainingError(f"adapters.start: {error}") from error


def held_adapters(model: Any) -> Mapping[str, torch.Tensor]:
    """Copies of the weights of its adapters, by parameter."""
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters() if parameter.requires_grad}


@contextmanager
def adapters_as(model: Any, held: Mapping[str, torch.Tensor]) -> Iterator[None]:
    """The model as it was when they were held, for a reference: without gradients, and without dropout."""
    parameters = {name: parameter for name, parameter in model.named_parameters() if name in held}
    present = {name: parameter.data for name, parameter in parameters.items()}
    trains = model.training
    model.eval()
    try:
        for name, parameter in parameters.items():
            parameter.data = held[name]
        yield
    finally:
        for name, parameter in parameters.items():
            parameter.data = present[name]
        model.train(trains)


def pairs_of(model: Any) -> Iterator[Pair]:
    """The adapters that a model has; the tensors are the parameters themselves."""
    for name, module in model.named_modules():
        if isinstance(module, Experts):
            for weight in module.names:
                if weight in module.lora_a:
                    yield Pair(name, weight, module.lora_a[weight], module.lora_b[weight], module.scaling[weight])
        elif _is_lora(module):
            norms = getattr(module, "lora_magnitude_vector", {})
            magnitude = norms[NAME].weight if NAME in norms else None
            yield Pair(name, None, module.lora_A[NAME].weight, module.lora_B[NAME].weight, module.scaling[NAME], magnitude)


def _matching(model: Any, adapter: Adapter, directory: Path) -> list[tuple[Pair, Pair]]:
    """Each of the model's pairs with the stored one."""
    own, stored = ({pair.name: pair for pair in pairs} for pairs in (pairs_of(model), adapter.pairs))
    if own.keys() != stored.keys():
        odd = min(own.keys() ^ stored.keys())
        where = "the adapter" if odd in stored else "the model's adapters"
        raise TrainingError(
            f"{directory}: the adapter and the model's adapters differ: {odd!r} is in {where} only; are the targets the same?"
        )
    for name, pair in stored.items():
        mine = own[name]
        if mine.a.shape != pair.a.shape or mine.b.shape != pair.b.shape:
            raise TrainingError(f"{directory}: {name} is of rank {pair.rank}, not {mine.rank}, or of another model")
        if not math.isclose(mine.scaling, pair.scaling, rel_tol=1e-6):
            raise TrainingError(f"{directory}: {name} is scaled by {pair.scaling:g}, not {mine.scaling:g}: alpha (or rslora) is another")
        if (mine.magnitude is None) != (pair.magnitude is None):
            raise TrainingError(
                f"{directory}: {name} is {'with' if pair.magnitude is not None else 'without'} DoRA, and the model's is not so"
            )
    return [(own[name], pair) for name, pair in stored.items()]


def _names_of(model: Any, recipe: Recipe, kind: str) -> tuple[str, ...]:
    if kind not in recipe.adapters.targets:
        raise TrainingError(f"the recipe {recipe.name!r} knows no kind {kind!r}; it has {', '.join(recipe.adapters.targets)}")
    ends = recipe.adapters.targets[kind]
    names = [name for name, module in model.named_modules() if isinstance(module, nn.Linear) and _ends(name, ends) and ".lora_" not in name]
    for name, module in model.named_modules():
        if isinstance(module, Experts):
            names += [f"{name}.{weight}" for weight in module.names if _ends(f"{name}.{weight}", ends)]
    if not names:
        raise TrainingError(f"targets: {kind!r} ({', '.join(ends)}) matches no layer of this model; take it out, or correct the recipe")
    return tuple(names)


def _ends(name: str, ends: tuple[str, ...]) -> bool:
    return any(name == end or name.endswith(f".{end}") for end in ends)


def _check(model: Any, settings: AdapterSettings, found: Mapping[str, tuple[str, ...]], device: torch.device) -> None:
    unknown = set(settings.ranks) - set(found)
    if unknown:
        raise TrainingError(f"ranks: {min(unknown)!r} is not among the targets {', '.join(found)}")
    if list(_switches(model)):
        raise TrainingError("the model has adapters already")
    if settings.dora and any(
        isinstance(model.get_submodule(name), FourBitLinear) for names in found.values() for name in names if not _is_expert(model, name)
    ):
        raise TrainingError("dora needs the norms of whole weights; take precision = 'bf16', or leave dora out")
    experts = [kind for kind, names in found.items() if any(_is_expert(model, name) for name in names)]
    odd = [kind for kind in experts if _rank(settings, kind) % 8]
    if odd and device.type == "cuda":
        raise TrainingError(f"the rank of {odd[0]!r} is {_rank(settings, odd[0])}; on a GPU those of fused experts must be multiples of 8")
    if experts and (settings.dora or settings.dropout):
        raise TrainingError(
            f"adapters on fused experts ({experts[0]}) have neither dora nor dropout; set them off, or leave the kind out of targets"
        )


def _inject(model: Any, ranks: Mapping[str, int], settings: AdapterSettings) -> None:
    from peft import LoraConfig, inject_adapter_in_model

    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        use_dora=settings.dora,
        use_rslora=settings.rslora,
        target_modules=list(ranks),
        rank_pattern={f"^{name.replace('.', r'[.]')}$": rank for name, rank in ranks.items() if rank != settings.rank},
    )
    # PEFT refuses out_proj on models with this type of configuration, because fused kernels read its weight past the adapter. The layers here do not.
    held = model.config
    model.config = _NoType()
    try:
        inject_adapter_in_model(config, model, adapter_name=NAME)
    finally:
        model.config = held


class _NoType:
    """A configuration that says nothing."""

    model_type = None

    def to_dict(self) -> dict[str, object]:
        return {}


def _only_adapters_train(model: Any) -> None:
    """In fp32: bf16 would round most updates away."""
    for module in model.modules():
        if isinstance(module, Experts):
            continue
        if _is_lora(module):
            for part in (module.lora_A, module.lora_B, getattr(module, "lora_magnitude_vector", None)):
                if part is not None:
                    for parameter in part.parameters():
                        parameter.data = parameter.data.float()
                        parameter.requires_grad_(True)


def _is_lora(module: nn.Module) -> bool:
    return hasattr(module, "base_layer") and NAME in getattr(module, "lora_A", {})


def _is_expert(model: Any, name: str) -> bool:
    owner = name.rpartition(".")[0]
    return isinstance(model.get_submodule(owner), Experts)


def _switches(model: Any) -> Iterator[nn.Module]:
    for module in model.modules():
        if _is_lora(module) or (isinstance(module, Experts) and len(module.lora_a)):
            yield module


def _switch(module: Any, *, on: bool) -> None:
    if isinstance(module, Experts):
        module.adapters_on = on
    else:
        module._disable_adapters = not on


def _rank(settings: AdapterSettings, kind: str) -> int:
    return settings.ranks.get(kind, settings.rank)


def _scaling(settings: AdapterSettings, rank: int) -> float:
    return settings.alpha / (rank**0.5 if settings.rslora else rank)


def _size(trained: Mapping[str, nn.Parameter], name: str) -> int:
    owner, _, weight = name.rpartition(".")
    starts = (f"{name}.lora_", f"{owner}.lora_a.{weight}", f"{owner}.lora_b.{weight}")
    return sum(parameter.numel() for key, parameter in trained.items() if key.startswith(starts))


def _peft_config(model: Any) -> dict[str, Any]:
    from peft import LoraConfig, TaskType

    held = model.harness_adapters
    config = LoraConfig(
        r=held["rank"],
        lora_alpha=held["alpha"],
        lora_dropout=held["dropout"],
        use_dora=held["dora"],
        use_rslora=held["rslora"],
        task_type=TaskType.CAUSAL_LM,
        base_model_name_or_path=getattr(model.config, "_name_or_path", "") or None,
        inference_mode=True,
    )
    return {key: value for key, value in config.to_dict().items() if not isinstance(value, (set, frozenset))}


def _attach_stored(model: Any, adapter: Adapter, directory: Path) -> None:
    modules: dict[str, Any] = dict(model.named_modules())
    for pair in adapter.pairs:
        expected = nn.Linear if pair.fused is None else Experts
        if not isinstance(modules.get(pair.owner), expected):
            raise TrainingError(f"{directory}: the adapter is of another model: it has {pair.name!r}, which this one does not")
    config = adapter.config
    settings = AdapterSettings(
        rank=config["r"],
        alpha=config["lora_alpha"],
        dropout=config.get("lora_dropout") or 0.0,
        dora=bool(config.get("use_dora")),
        rslora=bool(config.get("use_rslora")),
    )
    linear = {pair.owner: pair for pair in adapter.pairs if pair.fused is None}
    if linear:
        _inject(model, {name: pair.rank for name, pair in linear.items()}, settings)
        for name, pair in linear.items():
            model.get_submodule(name).scaling[NAME] = pair.scaling
    for pair in adapter.pairs:
        if pair.fused is not None:
            modules[pair.owner].adapt(pair.fused, pair.rank, pair.scaling)
    _only_adapters_train(model)
    model.harness_adapters = settings.model_dump()
