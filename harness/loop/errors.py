"""What stops a loop."""

from __future__ import annotations


class LoopStoppedError(Exception):
    """The loop cannot go on. What is done is kept; its message says why, and what to mend. Exit code 3."""
