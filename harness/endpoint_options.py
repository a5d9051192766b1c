"""The grammar of what decides how a model is spoken to, for every command that speaks to one."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from harness.shared_options import whole


def add_endpoint_options(parser: argparse._ActionsContainer) -> None:
    parser.add_argument("--profile", type=Path, metavar="FILE", help="what the server can do, as `harness doctor --profile` wrote it")
    parser.add_argument(
        "--recipe", metavar="NAME", help="of the model's family, a name or a TOML; none: no recipe (default: by the model's name)"
    )
    parser.add_argument("--preset", choices=["reasoning", "tools", "no_reasoning"], help="which of the recipe's samplings (default: tools)")
    parser.add_argument("--thinking", choices=["on", "off"], help="default: as the server does by itself")
    parser.add_argument("--thinking-tokens", type=whole(1), metavar="N", help="the longest that a model may think of one answer")
    parser.add_argument("--keep-thinking", choices=["all", "since_last_user", "none"], help="what of it stays in the history")
    formats = ["native", "hermes", "qwen3_coder", "llama_json", "mistral", "fenced"]
    parser.add_argument("--tool-format", choices=formats, help="how calls are written; all but native are read here")


def endpoint_settings(options: argparse.Namespace) -> dict[str, Any]:
    """What was given, laid out as the settings of a model are."""
    return {
        "recipe": options.recipe,
        "preset": options.preset,
        "tool_format": options.tool_format,
        "thinking": {"mode": options.thinking, "budget_tokens": options.thinking_tokens, "keep": options.keep_thinking},
    }
