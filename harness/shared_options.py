"""Options that several commands have."""

from __future__ import annotations

import argparse


def add_sandbox(parser: argparse._ActionsContainer, *names: str) -> None:
    words = "default: docker where a daemon answers, else bubblewrap"
    parser.add_argument("--sandbox", *names, choices=["auto", "docker", "bubblewrap"], help=words)
