"""Domain-adaptive pre-training: texts, every token of them, a part with the middle moved to the end."""

from __future__ import annotations

from training.config import DaptConfig
from training.prepared import data_card, mean_length, open_model, read_data, tell, train_on
from training.processes import Processes
from training.sft import NextToken
from training.trainer import Outcome, Report, Say


def train_dapt(config: DaptConfig, processes: Processes, *, say: Say, report: Report) -> Outcome:
    """Train, or go on, and write `adapter/` into the run's directory. TrainingError when the configuration, the texts or the base do not do."""
    seed = config.length.seed
    family, train, validation = read_data(
        # The evaluation split is left as it is, so that its loss says how well code is continued, whatever the rate.
        config,
        lambda preparation, split: preparation.texts(split, config.fill_in_the_middle if split == "train" else None, seed),
    )
    card = data_card("dapt", config, family, train.card, validation.card if validation else None)
    tell(card, say)
    model, _ = open_model(config, family, processes, say)
    objective = NextToken(train, validation, budget=config.packing.tokens, seed=seed)
    return train_on(config, model, objective, processes, card, mean_length=mean_length(train.items), report=report, say=say)
