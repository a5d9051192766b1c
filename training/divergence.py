"""How far two models' next words are from one another on the same text: the measure that lets a merge or a quantisation pass.

In bf16 the largest difference of logits says nothing, because a router may choose another expert at a rounding's distance; the mean divergence does.
"""

from __future__ import annotations

import gc
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch

from training.batch import Batch
from training.errors import TrainingError
from training.loss import logits_of

TOKENS: Final = 512
TEXT: Final = Path(__file__).parent / "probe.txt"


@dataclass(frozen=True, slots=True)
class Divergence:
    """Of the second model from the first, over the probe's tokens."""

    mean: float
    """Kullback-Leibler divergence, nats a token."""
    largest: float
    agreement: float
    """Share of tokens on which the two find the same word the likeliest."""
    tokens: int


def probe_of(directory: Path, text: Path | None, device: torch.device | str) -> tuple[Batch, str]:
    """Up to 512 tokens of a text by the checkpoint's own tokenizer, all to be predicted; and what they are. TrainingError when there is nothing to predict.

    Numbers drawn at random where the checkpoint has no tokenizer: they tell a broken merge from a sound one, and little about quality.
    """
    ids = _ids(directory, text or TEXT)
    what = str(text) if text is not None else "a passage of TypeScript and prose"
    if ids is None and text is not None:
        raise TrainingError(f"{directory} has no tokenizer to read {text} with")
    if ids is None:
        from transformers import AutoConfig

        words = AutoConfig.from_pretrained(directory).vocab_size
        ids, what = torch.randint(0, words, (TOKENS,), generator=torch.Generator().manual_seed(0)), "random tokens (there is no tokenizer)"
    if len(ids) < 2:
        raise TrainingError(f"{what}: too short to compare on ({len(ids)} tokens); give some hundred words")
    row = ids[None, :TOKENS].to(device)
    return Batch(row, row.clone(), torch.arange(row.shape[1], device=device)[None]), what


def logprobs_of(model: Any, probe: Batch) -> torch.Tensor:
    """[tokens - 1, vocabulary] fp32, on the CPU."""
    with torch.no_grad():
        return torch.log_softmax(logits_of(model, probe).float(), dim=-1).cpu()


def divergence_of(first: torch.Tensor, second: torch.Tensor) -> Divergence:
    each = (first.exp() * (first - second)).sum(dim=-1).clamp(min=0)
    same = (first.argmax(-1) == second.argmax(-1)).float()
    return Divergence(float(each.mean()), float(each.max()), float(same.mean()), each.shape[0])


def free(device: torch.device) -> None:
    """What a model that is no longer held took there: two do not have to fit at once."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


def _ids(directory: Path, text: Path) -> torch.Tensor | None:
    from transformers import AutoTokenizer

    if not any((directory / name).is_file() for name in ("tokenizer.json", "tokenizer.model", "vocab.json")):
        return None
    try:
        words = text.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingError(f"{text}: not a text to compare on: {error}") from error
    ids: list[int] = AutoTokenizer.from_pretrained(directory)(words, add_special_tokens=True)["input_ids"]
    return torch.tensor(ids)
