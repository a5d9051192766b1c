"""Layers of transformers' `nemotron_h` as they are trained: a packed row through each, over the modules and adapters that the model has.

The modules stay transformers' own, so that generation, saving and PEFT find what they expect; only when a layer is called with a `packing` does it go this way. The
residual stream is [T, hidden].
"""

from __future__ import annotations

from functools import partial
from types import MethodType
from typing import Any

import torch
from torch.nn import functional as F  # noqa: N812
from torch.utils.checkpoint import checkpoint

from training.attention import attended
from training.base_settings import BaseSettings
from training.mamba import Path, mixed, path_of
from training.packing import Packing
from training.projection import projected


def prepare(model: Any, settings: BaseSettings) -> None:
    """In place: layers that take a packed row, and the limits of dt that the weights were trained with.

    transformers clamps dt from below with `time_step_min`, which is a bound of the initial weights and not of the trained function.
    """
    path = path_of(settings)
    for layer in model.model.layers:
        original = layer.forward
        if hasattr(layer.mixer, "time_step_limit"):
            layer.mixer.time_step_limit = tuple(float(limit) for limit in model.config.time_step_limit)
        layer.forward = MethodType(partial(_forward, original=original, path=path, keep=settings.keep), layer)


def hidden_rows(model: Any, input_ids: torch.Tensor, packing: Packing) -> torch.Tensor:
    """[T, hidden], before the last norm."""
    hidden = model.model.embeddings(input_ids.reshape(-1))
    for layer in model.model.layers:
        hidden = layer(hidden, packing=packing)
    return hidden


def _forward(
    layer: Any, hidden: torch.Tensor, *args: Any, original: Any, path: Path, keep: str, packing: Packing | None = None, **kwargs: Any
) -> Any:
    if packing is None:
        return original(hidden, *args, **kwargs)
    kind = layer.block_type
    if kind == "linear_attention":
        step = partial(_mamba, layer, packing=packing, path=path, again=keep == "most")
        again = keep != "most"
    elif kind == "full_attention":
        # Its products over the whole length are what must not be done twice; what it keeps is small.
        step, again = partial(_attention, layer, packing=packing), False
    elif kind == "moe":
        step, again = partial(_mixture, layer), keep == "least"
    else:
        step, again = partial(_dense, layer), keep != "most"
    if again and torch.is_grad_enabled():
        return checkpoint(step, hidden, use_reentrant=False, preserve_rng_state=_has_dropout(layer))
    return step(hidden)


def _mamba(layer: Any, hidden: torch.Tensor, packing: Packing, path: Path, *, again: bool) -> torch.Tensor:
    mixer = layer.mixer
    states = projected(mixer.in_proj, hidden, _norm(layer))
    inner = partial(_within, mixer, packing=packing, path=path)
    if again and torch.is_grad_enabled():
        states = checkpoint(inner, states, use_reentrant=False, preserve_rng_state=False)
    else:
        states = inner(states)
    return hidden + projected(mixer.out_proj, states, _as_it_is)


def _within(mixer: Any, states: torch.Tensor, packing: Packing, path: Path) -> torch.Tensor:
    return mixed(mixer, states, packing, path)


def _attention(layer: Any, hidden: torch.Tensor, packing: Packing) -> torch.Tensor:
    mixer, norm = layer.mixer, _norm(layer)
    query, key, value = (
        projected(part, hidden, norm).view(hidden.shape[0], -1, mixer.head_dim) for part in (mixer.q_proj, mixer.k_proj, mixer.v_proj)
    )
    out = attended(query, key, value, packing, mixer.scaling)
    return hidden + projected(mixer.o_proj, out.reshape(hidden.shape[0], -1), _as_it_is)


def _mixture(layer: Any, hidden: torch.Tensor) -> torch.Tensor:
    mixer, norm = layer.mixer, _norm(layer)
    normal = norm(hidden)
    _, weights, index = mixer.gate(normal)
    out = mixer.fc2_latent_proj(mixer.experts(mixer.fc1_latent_proj(normal), index, weights))
    shared = mixer.shared_experts
    return hidden + out + projected(shared.down_proj, projected(shared.up_proj, hidden, norm), shared.act_fn)


def _dense(layer: Any, hidden: torch.Tensor) -> torch.Tensor:
    mixer = layer.mixer
    return hidden + projected(mixer.down_proj, projected(mixer.up_proj, hidden, _norm(layer)), mixer.act_fn)


def _norm(layer: Any) -> Any:
    return partial(F.rms_norm, normalized_shape=(layer.norm.weight.shape[0],), weight=layer.norm.weight, eps=layer.norm.variance_epsilon)


def _as_it_is(x: torch.Tensor) -> torch.Tensor:
    return x


def _has_dropout(layer: Any) -> bool:
    return any(isinstance(module, torch.nn.Dropout) for module in layer.modules())
