"""Preference training on pairs of trajectories: DPO against the model as it was when training began, or ORPO without a reference.

In a trajectory of many turns only the model's own tokens say anything about the model: log-probabilities are summed over answers alone, never over what tools or
users wrote. The reference is the base without its adapters, or, where these go on from an earlier run's, the base with those as they were. Both sides of a pair, and several pairs where they fit, are documents of one packed row, so the two passes see the same batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional as F  # noqa: N812

from training.adapters import adapters_as, held_adapters
from training.bins import pack, to_batch
from training.config import DpoConfig, PreferenceSettings
from training.dataset import Dataset, PairExample
from training.examples import Example
from training.loss import token_logprobs_of
from training.model import adapters_off
from training.prepared import data_card, mean_length, open_model, read_data, tell, train_on
from training.processes import Processes
from training.trainer import Outcome, Report, Say

Packed = tuple[PairExample, ...]


@dataclass(frozen=True, slots=True)
class SideSums:
    """Of P pairs: the sum of the log-probabilities of the answers' tokens, and how many these are."""

    chosen: torch.Tensor
    """[P]"""
    rejected: torch.Tensor
    """[P]"""
    chosen_tokens: torch.Tensor
    """[P]"""
    rejected_tokens: torch.Tensor
    """[P]"""


def train_dpo(config: DpoConfig, processes: Processes, *, say: Say, report: Report) -> Outcome:
    """Train, or go on, and write `adapter/` into the run's directory. TrainingError when the configuration, the pairs or the base do not do."""
    family, train, validation = read_data(config, lambda preparation, split: preparation.pairs(split))
    card = data_card("dpo", config, family, train.card, validation.card if validation else None)
    tell(card, say)
    model, _ = open_model(config, family, processes, say)
    # Held before a checkpoint is taken up: the reference is what the run began with, not where it stands.
    reference = held_adapters(model) if config.adapters.start is not None and config.preference.loss == "dpo" else None
    objective = Preference(train, validation, config.preference, budget=config.packing.tokens, seed=config.length.seed, reference=reference)
    documents = tuple(each for pair in train.items for each in pair.documents)
    return train_on(config, model, objective, processes, card, mean_length=mean_length(documents), report=report, say=say)


def dpo_loss(policy: SideSums, reference: SideSums, settings: PreferenceSettings) -> torch.Tensor:
    """[P] -log sigmoid of beta times the margin (Rafailov et al. 2023, equation 7; label smoothing after Mitchell 2023)."""
    margin = settings.beta * ((policy.chosen - reference.chosen) - (policy.rejected - reference.rejected))
    smooth = settings.label_smoothing
    loss = -(1 - smooth) * F.logsigmoid(margin) - smooth * F.logsigmoid(-margin)
    return loss + settings.sft_weight * _mean_loss(policy)


def orpo_loss(policy: SideSums, settings: PreferenceSettings) -> torch.Tensor:
    """[P] The chosen answers' loss per token, and beta times -log sigmoid of the log odds ratio of the two (Hong et al. 2024, equations 4 to 7)."""
    return _mean_loss(policy) - settings.beta * F.logsigmoid(_log_odds(policy))


class Preference:
    def __init__(
        self,
        train: Dataset[PairExample],
        validation: Dataset[PairExample] | None,
        settings: PreferenceSettings,
        *,
        budget: int,
        seed: int,
        reference: Mapping[str, torch.Tensor] | None = None,
    ) -> None:
        """`reference`: the adapters that DPO's reference has; None: it has none."""
        self._reference = reference
        self._train = train.items
        self._settings = settings
        self._budget = budget
        self._seed = seed
        self._validation = self._packed(validation.items, 0) if validation is not None else []

    def rows(self, epoch: int) -> Sequence[Packed]:
        return self._packed(self._train, epoch)

    def validation(self) -> Sequence[Packed]:
        return self._validation

    def weight(self, row: Packed) -> float:
        return float(len(row))

    def tokens(self, row: Packed) -> int:
        return sum(len(pair) for pair in row)

    def places(self, row: Packed) -> Sequence[str]:
        return [pair.place for pair in row]

    def loss(self, model: Any, row: Packed, device: torch.device) -> tuple[torch.Tensor, Mapping[str, float]]:
        documents = [document for pair in row for document in pair.documents]
        batch = to_batch(documents, device)
        policy = side_sums(token_logprobs_of(model, batch), row)
        if self._settings.loss == "orpo":
            loss = orpo_loss(policy, self._settings)
            better = _log_odds(policy).detach()
            return loss.sum(), {"accuracy": float((better > 0).sum()), "log_odds": float(better.sum())}
        with torch.no_grad(), adapters_off(model) if self._reference is None else adapters_as(model, self._reference):
            reference = side_sums(token_logprobs_of(model, batch), row)
        loss = dpo_loss(policy, reference, self._settings)
        rewards = (
            self._settings.beta * (policy.chosen - reference.chosen).detach(),
            self._settings.beta * (policy.rejected - reference.rejected).detach(),
        )
        return loss.sum(), {
            "accuracy": float((rewards[0] > rewards[1]).sum()),
            "reward_chosen": float(rewards[0].sum()),
            "reward_rejected": float(rewards[1].sum()),
        }

    def _packed(self, pairs: Sequence[PairExample], epoch: int) -> list[Packed]:
        rows = pack([len(pair) for pair in pairs], self._budget, self._seed * 1_000_003 + epoch)
        return [tuple(pairs[place] for place in row) for row in rows]


def side_sums(logprobs: torch.Tensor, pairs: Sequence[PairExample]) -> SideSums:
    """From the log-probabilities of learned tokens [n], in the order of the pairs' documents."""
    parts = iter(torch.split(logprobs, [document.targets for pair in pairs for document in pair.documents]))

    def total(documents: Sequence[Example]) -> torch.Tensor:
        return torch.stack([next(parts).sum() for _ in documents]).sum()

    sums = [(total(pair.chosen), total(pair.rejected)) for pair in pairs]
    chosen, rejected = (torch.stack([pair[side] for pair in sums]) for side in (0, 1))
    counts = [[float(sum(document.targets for document in side)) for side in (pair.chosen, pair.rejected)] for pair in pairs]
    tokens = torch.tensor(counts, device=logprobs.device)
    return SideSums(chosen, rejected, tokens[:, 0], tokens[:, 1])


def _mean_loss(sums: SideSums) -> torch.Tensor:
    return -sums.chosen / sums.chosen_tokens


def _log_odds(sums: SideSums) -> torch.Tensor:
    """log(p / (1 - p)) of the chosen less that of the rejected, p the geometric mean of the answers' probabilities."""
    chosen, rejected = sums.chosen / sums.chosen_tokens, sums.rejected / sums.rejected_tokens
    return (chosen - rejected) - (torch.log1p(-chosen.exp()) - torch.log1p(-rejected.exp()))
