"""The grammar of `harness export …`. What the commands do is in `export_commands`."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_export_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    words = "an adapter for a server: its layout, or a checkpoint that has it"
    actions = commands.add_parser("export", help=words).add_subparsers(required=True, metavar="COMMAND")

    layout = _action(actions, "adapter", "the adapter's files in another layout")
    layout.add_argument("adapter", type=Path, metavar="ADAPTER", help="a directory in PEFT's layout or vLLM's")
    layout.add_argument("--layout", choices=["vllm", "peft"], default="vllm", help="vllm: a pair for each expert (default)")
    layout.add_argument("--base", type=Path, metavar="DIR", help="what it will be served on: an adapter of another base is refused")

    merge = _action(actions, "merge", "a checkpoint with the adapter in its weights, read back and compared")
    merge.add_argument("adapter", type=Path, metavar="ADAPTER")
    merge.add_argument("--base", type=Path, required=True, metavar="DIR", help="the bf16 checkpoint that the adapter was trained on")
    merge.add_argument("--fp32", action="store_true", help="the base is in fp32")
    _add_gate(merge, "default: 0.01")

    quantise = _action(actions, "quantise", "a merged checkpoint in FP8 or NVFP4, read back and compared")
    quantise.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help="of `harness export merge`")
    quantise.add_argument("--scheme", choices=["fp8", "nvfp4", "nvfp4a16"], required=True)
    quantise.add_argument("--python", type=Path, required=True, metavar="FILE", help="the Python of an environment that has llmcompressor")
    _add_gate(quantise, "default: 0.02 for fp8, 0.1 for nvfp4")


def _add_gate(parser: argparse.ArgumentParser, words: str) -> None:
    parser.add_argument("--limit", type=float, metavar="NATS", help=f"the mean divergence a token that is let through ({words})")
    parser.add_argument(
        "--probe", type=Path, metavar="FILE", help="the text that is compared on, its first 512 tokens (default: one of ours)"
    )
    parser.add_argument("--device", default="cpu", help="cpu (default) or cuda")


def _action(actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str, words: str) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=words)
    parser.set_defaults(command="export", action=name)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="a new directory")
    return parser
