"""An adapter added into its base's weights: the base's files are written again, tensor by tensor, those that the adapter changes with it.

All else of the checkpoint (names, tokenizer, templates, tensors that training does not load) stays as it was. The sum is made in fp32 and rounded once.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import torch

from training.adapter_files import Adapter, Pair
from training.errors import TrainingError
from training.shards import files_of
from training.weights import EXPERT, module_name

_OTHER_WEIGHTS: Final = (".bin", ".pt", ".pth", ".gguf", ".h5", ".msgpack", ".onnx")
"""Beside safetensors they are the base's own, without the adapter."""

Change = Callable[[torch.Tensor], torch.Tensor]
"""Of a weight in fp32."""
_NAMES: Final = {torch.bfloat16: "bf16", torch.float16: "fp16", torch.float32: "fp32"}


@dataclass(frozen=True, slots=True)
class Merged:
    changed: int
    """Tensors of the checkpoint that hold the adapter now."""
    kind: str
    """What they were written in."""


def merge_checkpoint(base: Path, adapter: Adapter, directory: Path, dtype: torch.dtype) -> Merged:
    """Into an empty directory. One file of the checkpoint is in memory at a time. TrainingError when a part of the adapter finds no weight.

    A base whose adapted weights are wider than `dtype` becomes one of that type, config.json with it; vectors stay as they are.
    """
    from safetensors import safe_open
    from safetensors.torch import save_file

    pairs = {pair.name: pair for pair in adapter.pairs}
    files = files_of(base)
    narrow = dtype if any(found != dtype for found in _types(base, files, pairs)) and dtype.itemsize < 4 else None
    changed = 0
    types: set[torch.dtype] = set()
    for file in base.iterdir():
        if file.is_file() and file.suffix not in (".safetensors", *_OTHER_WEIGHTS):
            shutil.copyfile(file, directory / file.name)
    for file in files:
        tensors: dict[str, torch.Tensor] = {}
        with safe_open(file, framework="pt") as stored:
            metadata = stored.metadata()
            for name in stored.keys():  # noqa: SIM118 - not a mapping
                tensor = stored.get_tensor(name)
                whole = tensor.dim() > 1 and tensor.is_floating_point()
                into = narrow if narrow is not None and whole else tensor.dtype
                found = _change_of(pairs, module_name(name))
                if found is not None:
                    tensor = found[1](tensor.float())
                    types.add(into)
                    changed += 1
                tensors[name] = tensor.to(into)
        save_file(tensors, directory / file.name, metadata=metadata)
    if narrow is not None:
        _say_type(directory / "config.json", narrow)
    return Merged(changed, " and ".join(sorted(_NAMES.get(each, str(each)) for each in types)))


def _types(base: Path, files: Sequence[Path], pairs: Mapping[str, Pair]) -> set[torch.dtype]:
    """Of the weights that the adapter changes, by the files' headers."""
    from safetensors import SafetensorError, safe_open

    if not files:
        raise TrainingError(f"{base}: no safetensors in it; convert the checkpoint first")
    reached: set[str] = set()
    types: set[torch.dtype] = set()
    for file in files:
        try:
            with safe_open(file, framework="pt") as stored:
                for name in stored.keys():  # noqa: SIM118 - not a mapping
                    if found := _change_of(pairs, module_name(name)):
                        reached.add(found[0])
                        types.add(stored.get_slice(name)[:0].dtype)
        except (OSError, SafetensorError) as error:
            raise TrainingError(f"{file}: not whole safetensors ({str(error).splitlines()[0]}); fetch it again") from error
    if missed := pairs.keys() - reached:
        raise TrainingError(f"the adapter is of another model: {base} has no weight for {min(missed)!r}")
    return types


def _say_type(file: Path, dtype: torch.dtype) -> None:
    config = json.loads(file.read_text(encoding="utf-8"))
    name = "torch_dtype" if "torch_dtype" in config else "dtype"
    file.write_text(json.dumps(config | {name: str(dtype).removeprefix("torch.")}, indent=2) + "\n", encoding="utf-8")


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
                return full, partial(_with_expert, pair=pairs[full], index=index, part=part)
    return None


def _with_expert(tensor: torch.Tensor, pair: Pair, index: int, part: str) -> torch.Tensor:
    delta = pair.scaling * (pair.b[index].float() @ pair.a[index].float())
    if pair.fused == "gate_up_proj":
        delta = delta.chunk(2)[0 if part == "gate_proj" else 1]
    return tensor + delta


def _sum(tensor: torch.Tensor, pair: Pair) -> torch.Tensor:
    whole = tensor + pair.delta()
    if pair.magnitude is not None:
        # DoRA, Liu et al. 2024: each row is given its learnt norm.
        whole = whole * (pair.magnitude.float() / whole.norm(dim=1))[:, None]
    return whole
