"""Cross entropy of the tokens that carry loss, without logits for the others and never for all at once."""

from __future__ import annotations

from typing import Any, Final

import torch
from torch.nn import functional as F  # noqa: N812
from torch.utils.checkpoint import checkpoint

from training.attention import packed
from training.batch import NO_LOSS, Batch
from training.nemotron_h import hidden_rows
from training.packing import packing_of
from training.projection import dense_weight

ROWS: Final = 2048
"""Rows of logits that exist at once: 1 GiB in fp32 for 131,072 words."""


def loss_of(model: Any, batch: Batch) -> tuple[torch.Tensor, int]:
    """The summed cross entropy (nats, fp32) of the batch's loss-carrying tokens, and how many they are."""
    rows, targets = _scored(model, batch)
    head = model.get_output_embeddings()
    if _frozen(head):
        loss: torch.Tensor = _SummedLoss.apply(rows, targets, head)
        return loss, targets.numel()
    return -_logprobs(rows, targets, head).sum(), targets.numel()


def token_logprobs_of(model: Any, batch: Batch) -> torch.Tensor:
    """[n] fp32: the log-probability of each loss-carrying token, in their order."""
    rows, targets = _scored(model, batch)
    return _logprobs(rows, targets, model.get_output_embeddings())


def logits_of(model: Any, batch: Batch) -> torch.Tensor:
    """[n, vocabulary] fp32, of the tokens before loss-carrying ones; for comparisons of few rows."""
    rows, _ = _scored(model, batch)
    return _logits(rows, model.get_output_embeddings())


def _scored(model: Any, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """The normal hidden rows [n, hidden] that predict loss-carrying tokens, and these tokens [n]."""
    packing = packing_of(batch.position_ids)
    labels = batch.labels.reshape(-1)
    # A document's first token has nothing before it to be predicted from.
    learnt = torch.nonzero((labels != NO_LOSS) & (packing.positions > 0)).reshape(-1)
    targets = labels[learnt]
    if model.config.model_type == "nemotron_h":
        hidden = _nemotron_rows(model, batch)
        norm = model.model.norm_f
        rows = F.rms_norm(hidden.index_select(0, learnt - 1), (norm.weight.shape[0],), norm.weight, norm.variance_epsilon)
        return rows, targets
    with packed(packing):
        out = model.get_decoder()(
            input_ids=batch.input_ids, position_ids=batch.position_ids, attention_mask=None, use_cache=False, packing=packing
        )
    return out.last_hidden_state[0].index_select(0, learnt - 1), targets


def _nemotron_rows(model: Any, batch: Batch) -> torch.Tensor:
    """The row is filled up to a multiple of what is compiled for with a document of its own, which nobody reads."""
    ids, positions = batch.input_ids.reshape(-1), batch.position_ids.reshape(-1)
    missing = -ids.shape[0] % getattr(model, "padded_to", 1)
    if missing:
        ids = torch.cat([ids, ids.new_zeros(missing)])
        positions = torch.cat([positions, torch.arange(missing, device=positions.device, dtype=positions.dtype)])
    return hidden_rows(model, ids, packing_of(positions))


def _frozen(head: Any) -> bool:
    return isinstance(head, torch.nn.Linear) and not head.weight.requires_grad


def _logits(rows: torch.Tensor, head: Any) -> torch.Tensor:
    wide = torch.float64 if rows.dtype == torch.float64 else torch.float32
    out: torch.Tensor = head(rows).to(wide)
    return out


def _logprobs(rows: torch.Tensor, targets: torch.Tensor, head: Any) -> torch.Tensor:
    parts = [
        checkpoint(_part_logprobs, part, wanted, head, use_reentrant=False, preserve_rng_state=False)
        for part, wanted in zip(rows.split(ROWS), targets.split(ROWS), strict=True)
    ]
    return torch.cat(parts) if parts else rows.new_zeros(0, dtype=torch.float32)


def _part_logprobs(rows: torch.Tensor, targets: torch.Tensor, head: Any) -> torch.Tensor:
    return -F.cross_entropy(_logits(rows, head), targets, reduction="none")


class _SummedLoss(torch.autograd.Function):
    """The gradient of the rows is made with the loss, while a part's logits are there; the head is frozen and gets none."""

    @staticmethod
    def forward(ctx: Any, rows: torch.Tensor, targets: torch.Tensor, head: torch.nn.Linear) -> torch.Tensor:
        wide = torch.float64 if rows.dtype == torch.float64 else torch.float32
        total = torch.zeros((), dtype=wide, device=rows.device)
        gradient = torch.empty_like(rows) if ctx.needs_input_grad[0] else None
        weight = dense_weight(head, rows.dtype)
        for start in range(0, rows.shape[0], ROWS):
            part, wanted = rows[start : start + ROWS], targets[start : start + ROWS, None]
            logits = F.linear(part, weight, head.bias).to(wide)
            normaliser = torch.logsumexp(logits, dim=-1, keepdim=True)
            total += (normaliser - logits.gather(1, wanted)).sum()
            if gradient is not None:
                logits.sub_(normaliser).exp_()
                logits.scatter_add_(1, wanted, -torch.ones_like(normaliser))
                torch.mm(logits.to(rows.dtype), weight, out=gradient[start : start + ROWS])
        ctx.save_for_backward(gradient)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, None, None]:
        (rows_gradient,) = ctx.saved_tensors
        return None if rows_gradient is None else rows_gradient * gradient.to(rows_gradient.dtype), None, None
