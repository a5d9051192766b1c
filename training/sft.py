"""Supervised fine-tuning: the model's answers in recorded conversations, and nothing else of them, are learnt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from training.bins import pack, to_batch
from training.config import SftConfig
from training.dataset import Dataset
from training.examples import Example
from training.loss import loss_of
from training.prepared import data_card, mean_length, open_model, read_data, tell, train_on
from training.processes import Processes
from training.trainer import Outcome, Report, Say

Packed = tuple[Example, ...]


def train_sft(config: SftConfig, processes: Processes, *, say: Say, report: Report) -> Outcome:
    """Train, or go on, and write `adapter/` into the run's directory. TrainingError when the configuration, the rows or the base do not do."""
    family, train, validation = read_data(config, lambda preparation, split: preparation.conversations(split))
    card = data_card("sft", config, family, train.card, validation.card if validation else None)
    tell(card, say)
    model, _ = open_model(config, family, processes, say)
    objective = NextToken(train, validation, budget=config.packing.tokens, seed=config.length.seed)
    return train_on(config, model, objective, processes, card, mean_length=mean_length(train.items), report=report, say=say)


class NextToken:
    """Cross entropy of learned tokens, on packed documents."""

    def __init__(self, train: Dataset[Example], validation: Dataset[Example] | None, *, budget: int, seed: int) -> None:
        self._train = train.items
        self._budget = budget
        self._seed = seed
        self._validation = self._packed(validation.items, 0) if validation is not None else []

    def rows(self, epoch: int) -> Sequence[Packed]:
        return self._packed(self._train, epoch)

    def validation(self) -> Sequence[Packed]:
        return self._validation

    def weight(self, row: Packed) -> float:
        return float(sum(document.targets for document in row))

    def tokens(self, row: Packed) -> int:
        return sum(len(document) for document in row)

    def places(self, row: Packed) -> Sequence[str]:
        return [document.place for document in row]

    def loss(self, model: Any, row: Packed, device: torch.device) -> tuple[torch.Tensor, Mapping[str, float]]:
        return loss_of(model, to_batch(row, device))[0], {}

    def _packed(self, documents: Sequence[Example], epoch: int) -> list[Packed]:
        rows = pack([len(document) for document in documents], self._budget, self._seed * 1_000_003 + epoch)
        return [tuple(documents[place] for place in row) for row in rows]
