"""The scan of Mamba-2 over packed documents: state <- exp(dt A) state + dt B x, y = C state + D x (Dao & Gu 2024), the state zero where a document begins.

`scan_matmul` is the whole row as batched products of chunks: for a GPU, under torch.compile. `scan_plain` walks the chunks one after the other with the state in
hand: for any device, with little memory. Decays are fp32 (fp64 for fp64 input), products in the type of x; B and C stay one per group. Nothing of
[chunks, chunk, chunk, heads, state] is ever made.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional as F  # noqa: N812


def scan_plain(
    x: torch.Tensor,
    dt: torch.Tensor,
    a: torch.Tensor,
    b: torch.Tensor,
    c: torch.Tensor,
    d: torch.Tensor,
    documents: torch.Tensor,
    chunk: int,
) -> torch.Tensor:
    """x [T, heads, P], dt [T, heads] after softplus and limits, a [heads] negative, b and c [T, groups, N], d [heads], documents [T]; [T, heads, P]."""
    heads, groups = x.shape[1], b.shape[1]
    state = dt.new_zeros(groups, heads // groups, x.shape[2], b.shape[2])
    before = documents[:1]
    out = []
    for start in range(0, x.shape[0], chunk):
        part = slice(start, start + chunk)
        y, state = _one_chunk(x[part], dt[part], a, b[part], c[part], documents[part], before, state)
        before = documents[part][-1:]
        out.append(y)
    return torch.cat(out) + x * d.to(x.dtype)[:, None]


def _one_chunk(
    x: torch.Tensor,
    dt: torch.Tensor,
    a: torch.Tensor,
    b: torch.Tensor,
    c: torch.Tensor,
    documents: torch.Tensor,
    before: torch.Tensor,
    state: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    length, heads, size = x.shape
    groups = b.shape[1]
    cumulated = torch.cumsum(dt * a, dim=0)
    together = (documents[:, None] == documents[None, :]).tril()
    decays = torch.where(together[..., None], cumulated[:, None] - cumulated[None, :], float("-inf")).exp()  # [i, j, heads]
    scores = torch.einsum("ign,jgn->gij", c, b).repeat_interleave(heads // groups, dim=0)
    mixed = (scores * (decays * dt[None]).permute(2, 0, 1)).to(x.dtype)
    y = torch.einsum("hij,jhp->ihp", mixed, x)

    carried = cumulated.exp() * (documents == before)[:, None]
    entering = torch.einsum("ign,ghpn->ighp", c, state.to(x.dtype)).reshape(length, heads, size)
    y = y + (entering * carried[..., None]).to(x.dtype)

    kept = (cumulated[-1] - cumulated).exp() * dt * (documents == documents[-1])[:, None]
    weighted = (x * kept[..., None]).to(x.dtype).view(length, groups, heads // groups, size)
    added = torch.einsum("jghp,jgn->ghpn", weighted, b)
    through = cumulated[-1].exp() * (before == documents[-1])
    return y, state * through.view(groups, heads // groups, 1, 1) + added


def scan_matmul(
    x: torch.Tensor,
    dt: torch.Tensor,
    a: torch.Tensor,
    b: torch.Tensor,
    c: torch.Tensor,
    d: torch.Tensor,
    documents: torch.Tensor,
    chunk: int,
) -> torch.Tensor:
    """As `scan_plain`."""
    length, heads, size = x.shape
    groups, states = b.shape[1:]
    per_group = heads // groups
    padding = -length % chunk
    count = (length + padding) // chunk
    x_ = F.pad(x, (0, 0, 0, 0, 0, padding)).view(count, chunk, heads, size)
    dt_ = F.pad(dt, (0, 0, 0, padding)).view(count, chunk, heads).transpose(1, 2)  # [count, heads, chunk]
    b_ = F.pad(b, (0, 0, 0, 0, 0, padding)).view(count, chunk, groups, states).transpose(1, 2)  # [count, groups, chunk, N]
    c_ = F.pad(c, (0, 0, 0, 0, 0, padding)).view(count, chunk, groups, states).transpose(1, 2)
    # Padding has dt = 0 and x = 0: it adds nothing, and its decay of 1 passes a state that nobody reads.
    documents_ = torch.cat([documents, documents[-1:].expand(padding)]).view(count, chunk)
    before = torch.cat([documents_[:1, 0], documents_[:-1, -1]])  # [count]: the document at the end of the chunk before

    cumulated = torch.cumsum(dt_ * a[:, None], dim=-1)  # [count, heads, chunk]
    together = (documents_[:, :, None] == documents_[:, None, :]) & torch.ones(chunk, chunk, dtype=torch.bool, device=x.device).tril()
    exponent = torch.where(together[:, None], cumulated[..., :, None] - cumulated[..., None, :], float("-inf"))
    scores = (c_ @ b_.transpose(-1, -2))[:, :, None]  # [count, groups, 1, i, j]
    mixed = scores * (exponent.exp() * dt_[..., None, :]).view(count, groups, per_group, chunk, chunk)
    values = x_.transpose(1, 2)  # [count, heads, chunk, P]
    y = mixed.to(x.dtype).view(count, heads, chunk, chunk) @ values

    kept = (cumulated[..., -1:] - cumulated).exp() * dt_ * (documents_ == documents_[:, -1:])[:, None]  # [count, heads, chunk]
    weighted = (values * kept[..., None]).to(x.dtype)
    weighted = weighted.transpose(-1, -2).reshape(count, groups, per_group * size, chunk)
    added = weighted @ b_  # [count, groups, heads of it * P, N]
    through = cumulated[..., -1].exp() * (before == documents_[:, -1])[:, None]  # [count, heads]
    entering = entering_states(added.reshape(count, heads, size * states), through)
    entering = entering.view(count, groups, per_group * size, states)
    read = (
        (c_ @ entering.transpose(-1, -2))
        .view(count, groups, chunk, per_group, size)
        .permute(0, 1, 3, 2, 4)
        .reshape(count, heads, chunk, size)
    )
    carried = cumulated.exp() * (documents_ == before[:, None])[:, None]
    y = y + read * carried[..., None] + values * d.to(x.dtype)[:, None, None]
    return y.to(x.dtype).transpose(1, 2).reshape(count * chunk, heads, size)[:length]


@torch.library.custom_op("harness_training::entering_states", mutates_args=())
def entering_states(added: torch.Tensor, through: torch.Tensor) -> torch.Tensor:
    """The state that enters each chunk: added [chunks, heads, size] by each chunk, through [chunks, heads] of what entered it; the first enters with zero.

    Accumulated in fp32 and kept in the type of `added`. An operator of its own, so that torch.compile does not unroll it.
    """
    return _passed(added, through, reverse=False)


@entering_states.register_fake
def _(added: torch.Tensor, through: torch.Tensor) -> torch.Tensor:
    return torch.empty_like(added)


@torch.library.custom_op("harness_training::leaving_gradients", mutates_args=())
def leaving_gradients(gradient: torch.Tensor, through: torch.Tensor) -> torch.Tensor:
    """The gradient of `added`, from that of what `entering_states` gave: the same recurrence from the last chunk to the first."""
    return _passed(gradient, through, reverse=True)


@leaving_gradients.register_fake
def _(gradient: torch.Tensor, through: torch.Tensor) -> torch.Tensor:
    return torch.empty_like(gradient)


def _keep(ctx: Any, inputs: tuple[torch.Tensor, torch.Tensor], output: torch.Tensor) -> None:
    ctx.save_for_backward(inputs[1], output)


def _entering_backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    through, entering = ctx.saved_tensors
    added = leaving_gradients(gradient.contiguous(), through)
    return added, (added.to(through.dtype) * entering.to(through.dtype)).sum(dim=-1)


entering_states.register_autograd(_entering_backward, setup_context=_keep)


def _passed(added: torch.Tensor, through: torch.Tensor, *, reverse: bool) -> torch.Tensor:
    if added.is_cuda and added.dtype != torch.float64:
        from training.kernels import pass_states

        return pass_states(added.contiguous(), through.contiguous(), reverse=reverse)
    entering = torch.empty_like(added, memory_format=torch.contiguous_format)
    state = added.new_zeros(added.shape[1:], dtype=through.dtype)
    chunks = range(added.shape[0])
    for chunk in reversed(chunks) if reverse else chunks:
        entering[chunk] = state
        state = state * through[chunk, :, None] + added[chunk]
    return entering
