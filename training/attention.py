"""Causal attention within the documents of a packed row."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import torch
from torch.nn import functional as F  # noqa: N812

from training.packing import Packing

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME: Final = "harness_documents"
"""The attention implementation that ordinary transformers are given."""

ALONE: Final = 32_768
"""From this length a single document goes to cuDNN's kernel, which is faster and is planned anew for every length."""

_packed: ContextVar[Packing | None] = ContextVar("packed", default=None)


def attended(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, packing: Packing, scale: float) -> torch.Tensor:
    """query [T, heads, size], key and value [T, fewer heads, size]; [T, heads, size]."""
    if query.is_cuda and query.dtype in (torch.bfloat16, torch.float16):
        if packing.single and packing.longest >= ALONE:
            return _alone(query, key, value, scale)
        # torch.nn.attention.varlen changes its signature from release to release; the operator under it does not.
        edges, longest = packing.edges, packing.longest
        out = torch.ops.aten._flash_attention_forward(query, key, value, edges, edges, longest, longest, 0.0, True, False, scale=scale)
        result: torch.Tensor = out[0]
        return result
    parts = []
    bounds = packing.edges.tolist()
    for start, end in pairwise(bounds):
        q, k, v = (tensor[start:end].transpose(0, 1)[None] for tensor in (query, key, value))
        part = F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=scale, enable_gqa=q.shape[1] != k.shape[1])
        parts.append(part[0].transpose(0, 1))
    return torch.cat(parts)


def _alone(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float) -> torch.Tensor:
    from torch.nn.attention import SDPBackend, sdpa_kernel

    q, k, v = (tensor.transpose(0, 1)[None] for tensor in (query, key, value))
    with sdpa_kernel([SDPBackend.CUDNN_ATTENTION, SDPBackend.FLASH_ATTENTION], set_priority=True):
        out = F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=scale, enable_gqa=q.shape[1] != k.shape[1])
    return out[0].transpose(0, 1)


@contextmanager
def packed(packing: Packing) -> Iterator[None]:
    """Within it, models of transformers build no mask of T by T: their attention is handed `packing` and keeps documents apart itself."""
    token = _packed.set(packing)
    try:
        yield
    finally:
        _packed.reset(token)


def register() -> None:
    """Makes `NAME` known to transformers. Without `packing` it is its sdpa."""
    from transformers import AttentionInterface
    from transformers.integrations.sdpa_attention import sdpa_attention_forward
    from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

    def forward(
        module: Any,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        attention_mask: torch.Tensor | None,
        scaling: float | None = None,
        packing: Packing | None = None,
        **kwargs: Any,
    ) -> tuple[torch.Tensor, None]:
        if packing is None:
            out, _ = sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **kwargs)
            return out, None
        scale = query.shape[-1] ** -0.5 if scaling is None else scaling
        q, k, v = (tensor[0].transpose(0, 1) for tensor in (query, key, value))
        return attended(q, k, v, packing, scale)[None], None

    def mask(*args: Any, **kwargs: Any) -> Any:
        return None if _packed.get() is not None else sdpa_mask(*args, **kwargs)

    AttentionInterface.register(NAME, forward)
    AttentionMaskInterface.register(NAME, mask)
