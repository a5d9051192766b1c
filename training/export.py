"""From an adapter to what a server loads: its files in vLLM's layout, or a checkpoint with the adapter merged, compared with what it was made from before it counts.

What is compared is read back from the files that were written. A checkpoint that is too far from base and adapter is taken away again. `export.json` and the
README beside a checkpoint say what it is.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

import torch

from training.adapter_files import Adapter, digest, read_adapter, write_peft, write_vllm
from training.base_settings import BaseSettings, Precision
from training.divergence import Divergence, divergence_of, free, logprobs_of, probe_of
from training.errors import TrainingError
from training.merge import merge_checkpoint
from training.model import load_adapter, load_base, random_base
from training.new_directory import new_directory
from training.origin import check_origin, checkpoint_digest, copy_origin
from training.processes import device_of
from training.recipe import recipe_for

Layout = Literal["peft", "vllm"]
MERGED: Final = 0.01
"""Nats a token. Roundings of a merge in bf16 cost some thousandths, through routers that choose otherwise."""


@dataclass(frozen=True, slots=True)
class Exported:
    directory: Path
    what: str
    divergence: Divergence | None
    """From base and adapter; None: nothing was rounded."""
    probe: str | None


def export_layout(adapter: Path, directory: Path, layout: Layout, *, base: Path | None = None) -> Exported:
    """The adapter's files in another layout, read back and compared: every pair must give the same sum. TrainingError when it is not of `base`."""
    stored = read_adapter(adapter)
    if base is not None:
        _check_base(base, adapter)
    with new_directory(directory) as place:
        (write_vllm if layout == "vllm" else write_peft)(stored, place)
        _compare_pairs(stored, read_adapter(place))
        copy_origin(adapter, place)
    return Exported(directory, f"the adapter in {layout}'s layout, {len(stored.pairs)} pairs", None, None)


def export_merged(
    base: Path,
    adapter: Path,
    directory: Path,
    *,
    limit: float = MERGED,
    probe: Path | None = None,
    device: str = "cpu",
    precision: Precision = "bf16",
) -> Exported:
    """In bf16, or in fp32 from a base that is in fp32. TrainingError when the merged checkpoint, read back, is further than `limit` from the base with the
    adapter on."""
    settings = BaseSettings(path=str(base), precision=precision)
    if precision not in ("bf16", "fp32"):
        raise TrainingError("a merge goes into whole weights; give the bf16 base")
    _need_checkpoint(base)
    stored = read_adapter(adapter)
    check_origin(adapter, base)
    place = device_of(device)
    rows, what = probe_of(base, probe, place)
    recipe = recipe_for(str(base), json.loads((base / "config.json").read_text(encoding="utf-8")).get("model_type"))
    with new_directory(directory) as beside:
        model = load_base(settings, recipe, place)
        load_adapter(model, adapter)
        wanted = logprobs_of(model.eval(), rows)
        del model
        free(place)
        merged = merge_checkpoint(base, stored, beside, torch.float32 if precision == "fp32" else torch.bfloat16)
        model = load_base(settings.model_copy(update={"path": str(beside)}), recipe, place)
        found = divergence_of(wanted, logprobs_of(model.eval(), rows))
        del model
        free(place)
        if not found.mean <= limit:
            raise TrainingError(
                f"the merged checkpoint is {found.mean:.4f} nats a token from base and adapter, more than {limit}; nothing is kept"
            )
        card = {
            "kind": f"merged in {merged.kind}",
            "base": str(base),
            "base_sha256": checkpoint_digest(base),
            "adapter": str(adapter),
            "adapter_sha256": digest(adapter),
            "tensors_changed": merged.changed,
            "probe": what,
            "divergence": asdict(found),
            "limit": limit,
            "made": datetime.now(UTC).isoformat(timespec="seconds"),
            "torch": torch.__version__,
        }
        write_card(beside, card, directory.name)
    return Exported(directory, f"a checkpoint with the adapter merged, {merged.changed} tensors changed", found, what)


def write_card(directory: Path, card: dict[str, Any], title: str) -> None:
    """What the checkpoint is, for programs and for people; the base's own README goes on as README.base.md."""
    (directory / "export.json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    if (directory / "README.md").is_file():
        (directory / "README.md").rename(directory / "README.base.md")
    distance = card["divergence"]
    text = f"""# {title}

{card["kind"].capitalize()}: the adapter `{card["adapter"]}` in the base `{card["base"]}`.

Read back and compared on {card["probe"]}, {distance["tokens"]} tokens: {distance["mean"]:.5f} nats a token (largest {distance["largest"]:.4f}), the same
likeliest word on {distance["agreement"]:.1%} of them; allowed were {card["limit"]}.

Base SHA-256 {card["base_sha256"]}, adapter SHA-256 {card["adapter_sha256"]}, made {card["made"]}.
"""
    (directory / "README.md").write_text(text, encoding="utf-8")


def _need_checkpoint(base: Path) -> None:
    if not (base / "config.json").is_file():
        raise TrainingError(f"{base} is no checkpoint: it has no config.json; give the directory of the base")


def _check_base(base: Path, adapter: Path) -> None:
    """By the digest that lies beside the adapter; by the shapes, where none does."""
    _need_checkpoint(base)
    if not check_origin(adapter, base):
        from transformers import AutoConfig

        load_adapter(random_base(AutoConfig.from_pretrained(base), BaseSettings(path=str(base)), "meta"), adapter)


def _compare_pairs(first: Adapter, second: Adapter) -> None:
    theirs = {pair.name: pair for pair in second.pairs}
    for pair in first.pairs:
        back = theirs.get(pair.name)
        wanted = pair.delta()
        if back is None or not (back.delta() - wanted).norm() <= 1e-5 * wanted.norm():
            raise TrainingError(f"{pair.name} does not come back from the files as it went in; nothing is kept")
