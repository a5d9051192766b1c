"""What every method begins and ends with: the family, the data with its card, the model with its adapters; then the adapter on the disk, the card beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import torch

from training.adapter_files import digest as adapter_digest
from training.config import Config, Method
from training.cost import Cost, cost_of
from training.data_card import DataCard, SplitCard, sentences
from training.dataset import Dataset, Item, Preparation
from training.errors import TrainingError
from training.examples import Example
from training.family import Family, read_family, template_digest, tokenizer_digest
from training.model import Matched, attach_adapters, begin_from, layers_of, load_base, save_adapter
from training.optimizers import check_optimizer
from training.processes import LayerShards, Processes, device_of
from training.record import check_record
from training.rows import Split
from training.trainer import Objective, Outcome, Report, Say, Trainer

Row = TypeVar("Row")


def read_data(config: Config, read: Callable[[Preparation, Split], Dataset[Item]]) -> tuple[Family, Dataset[Item], Dataset[Item] | None]:
    """The family, the training split, and the evaluation split where there is one. TrainingError as those of `training.dataset`, and when the machine is not one for
    the configuration."""
    check_record(config)
    check_optimizer(config.optimizer, device_of(config.machine.device))
    family = read_family(config.base, config.recipe)
    longest = getattr(family.config.get_text_config(), "max_position_embeddings", None)
    if longest is not None and config.data.max_tokens > longest:
        raise TrainingError(
            f"data.max_tokens is {config.data.max_tokens}, and {config.base.path} was made for {longest} positions: lower it"
        )
    preparation = Preparation(family.tokenizer, family.recipe, config.data, family.vocabulary)
    train = read(preparation, "train")
    if not config.data.validation:
        return family, train, None
    validation = read(preparation, "validation")
    card = validation.card.model_copy(update={"also_in_train": validation.seen.count_in(train.seen)})
    return family, train, replace(validation, card=card)


def data_card(method: Method, config: Config, family: Family, train: SplitCard, validation: SplitCard | None) -> DataCard:
    return DataCard(
        method=method,
        recipe=family.recipe.name,
        tokenizer_sha256=tokenizer_digest(family.tokenizer),
        template_sha256=template_digest(family.tokenizer),
        start_sha256=_start_digest(config.adapters.start) if config.adapters.start is not None else None,
        max_tokens=config.data.max_tokens,
        too_long=config.data.too_long,
        train=train,
        validation=validation,
    )


def tell(card: DataCard, say: Say) -> None:
    for name, split in (("train", card.train), ("validation", card.validation)):
        for line in sentences(split) if split is not None else ():
            say(f"{name}: {line}")


def open_model(config: Config, family: Family, processes: Processes, say: Say) -> tuple[torch.nn.Module, Mapping[str, Matched]]:
    """The base on this process's device, adapters attached, fresh or those of adapters.start: the same numbers in every process."""
    torch.manual_seed(config.length.seed)
    shards = LayerShards(processes) if config.machine.spread == "shard" and processes.count > 1 else None
    whole = config.adapters.dora  # its norms are those of whole weights
    model = load_base(config.base, family.recipe, processes.device, filled=None if whole else shards)
    matched = attach_adapters(model, family.recipe, config.adapters)
    if config.adapters.start is not None:
        begin_from(model, config.adapters.start)
        say(start_sentence(config.adapters.start))
    for kind, found in matched.items():
        say(f"adapters on {kind}: {len(found.modules)} modules, {found.parameters:,} parameters")
    if shards is not None:
        for layer in layers_of(model) if whole else ():
            shards(layer)
        say(f"base spread over {processes.count} processes: {shards.here:,} parameters of {shards.whole:,} in each")
    return model, matched


def start_sentence(start: Path) -> str:
    return f"adapters begin from {start} (SHA-256 {_start_digest(start)[:12]}…)"


def _start_digest(start: Path) -> str:
    try:
        return adapter_digest(start)
    except TrainingError as error:
        raise TrainingError(f"adapters.start: {error}") from error


def train_on(
    config: Config, model: torch.nn.Module, objective: Objective[Row], processes: Processes, card: DataCard, *, mean_length: float, report: Report, say: Say
) -> Outcome:  # fmt: skip
    """Run, then write `adapter/` with its data card. What is raised leaves a checkpoint behind."""
    cost: Cost = cost_of(model, processes.device, peak_tflops=config.machine.peak_tflops, mean_length=mean_length)
    digest = hashlib.sha256((card.train.sha256 + (card.validation.sha256 if card.validation else "")).encode()).hexdigest()
    trainer = Trainer(config, model, objective, processes, cost, data_digest=digest, report=report, say=say)
    outcome = trainer.run()
    if processes.first:
        write_adapter(model, config.output / "adapter", card)
    processes.wait()
    return outcome


def write_adapter(model: torch.nn.Module, directory: Path, card: DataCard) -> None:
    save_adapter(model, directory)
    (directory / "data_card.json").write_text(card.model_dump_json(indent=1) + "\n", encoding="utf-8")


def mean_length(examples: tuple[Example, ...]) -> float:
    return sum(len(each) for each in examples) / max(1, len(examples))
