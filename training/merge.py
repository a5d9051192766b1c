"""An adapter added into its base's weights: the base's files are written again, tensor by tensor, those that the adapter changes with it.

All else of the checkpoint (names, tokenizer, templates, tensors that training does not load) stays as it was. The sum is made in fp32 and rounded once, to the type of the base.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import torch

from training.adapter_files import Adapter, Pair
from training.errors import TrainingError
from training.shards import files_of
from training.weights import EXPERT, module_name

Change = Callable[[torch.Tensor], torch.Tensor]


def merge_checkpoint(base: Path, adapter: Adapter, directory: Path) -> int:
    """Into a new directory; how many tensors of the checkpoint were changed. One file of it is in memory at a time.

    TrainingError when a part of the adapter finds no weight, and nothing is left behind then.
    """
    from safetensors import safe_open
    from safetensors.torch import save_file

    files = files_of(base)
    if not files:
        raise TrainingError(f"{base}: no safetensors in it; convert the checkpoint first")
    if directory.exists() and any(directory.iterdir()):
        raise TrainingError(f"{directory} is not empty; give a new directory")
    changes, changed, reached = _changes(adapter), 0, set()
    directory.mkdir(parents=True, exist_ok=True)
    for file in base.iterdir():
        if file.is_file() and file.suffix != ".safetensors":
            shutil.copyfile(file, directory / file.name)
    for file in files:
        tensors: dict[str, torch.Tensor] = {}
        with safe_open(file, framework="pt") as stored:
            metadata = stored.metadata()
            for name in stored.keys():  # noqa: SIM118 - not a mapping
                tensor = stored.get_tensor(name)
                found = _change_of(changes, module_name(name))
                if found is not None:
                    key, change = found
                    tensor = change(tensor)
                    reached.add(key)
                    changed += 1
                tensors[name] = tensor
        save_file(tensors, directory / file.name, metadata=metadata)
    missed = {pair.name for pair in adapter.pairs} - reached
    if missed:
        shutil.rmtree(directory)
        raise TrainingError(f"the adapter is of another model: {base} has no weight for {min(missed)!r}")
    return changed


def _changes(adapter: Adapter) -> Mapping[str, Pair]:
    return {pair.name: pair for pair in adapter.pairs}


def _change_of(pairs: Mapping[str, Pair], name: str) -> tuple[str, Change] | None:
    """For a tensor by its module's name: the pair's name, and what is done to the tensor."""
    plain = name.removesuffix(".weight")
    if plain in pairs:
        return plain, partial(_sum, pair=pairs[plain])
    if expert := EXPERT.match(plain):
        owner, index, part = expert[1], int(expert[2]), expert[3]
        for fused in (part, "gate_up_proj"):
            full = f"{owner}.{fused}"
            if full in pairs and (fused == part or part != "down_proj"):
                return full, partial(_added, delta=_of_expert(pairs[full], index, part))
    return None


def _added(tensor: torch.Tensor, delta: torch.Tensor) -> torch.Tensor:
    return (tensor.float() + delta).to(tensor.dtype)


def _of_expert(pair: Pair, index: int, part: str) -> torch.Tensor:
    delta = pair.scaling * (pair.b[index].float() @ pair.a[index].float())
    if pair.fused == "gate_up_proj":
        return delta.chunk(2)[0 if part == "gate_proj" else 1]
    return delta


def _sum(tensor: torch.Tensor, pair: Pair) -> torch.Tensor:
    whole = tensor.float() + pair.delta()
    if pair.magnitude is not None:
        # DoRA, Liu et al. 2024: each row is given its learnt norm.
        whole = whole * (pair.magnitude.float() / whole.norm(dim=1))[:, None]
    return whole.to(tensor.dtype)
