"""`harness export adapter | merge | quantise`: each calls one function and prints."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from harness.console import Screen
from harness.extras import needs_extra

if TYPE_CHECKING:
    from training.export import Exported


def run_export(options: argparse.Namespace, screen: Screen) -> bool:
    """TrainingError when what was written is not what it should be."""
    with needs_extra("train"):
        done = _export(options)
    screen.out.print(f"{done.directory}: {done.what}", markup=False)
    if done.divergence is not None:
        far = done.divergence
        screen.out.print(
            f"read back and compared on {done.probe}, {far.tokens} tokens: {far.mean:.5f} nats a token (largest {far.largest:.4f}), "
            f"the same likeliest word on {far.agreement:.1%}",
            markup=False,
        )
    return True


def _export(options: argparse.Namespace) -> Exported:
    from training.export import MERGED, export_layout, export_merged
    from training.quantise import export_quantised

    if options.action == "adapter":
        return export_layout(options.adapter, options.output, options.layout, base=options.base)
    if options.action == "merge":
        return export_merged(
            options.base,
            options.adapter,
            options.output,
            limit=MERGED if options.limit is None else options.limit,
            probe=options.probe,
            device=options.device,
            precision="fp32" if options.fp32 else "bf16",
        )
    return export_quantised(
        options.checkpoint, options.output, options.scheme, options.python, limit=options.limit, probe=options.probe, device=options.device
    )


ACTIONS: Final[Mapping[str, Callable[[argparse.Namespace, Screen], bool]]] = dict.fromkeys(("adapter", "merge", "quantise"), run_export)
