"""How tool calls are written as text, for servers that have no parser for them or a poor one. `FORMATS` names them all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from harness.tool_formats.fenced import Fenced
from harness.tool_formats.hermes import Hermes
from harness.tool_formats.llama_json import LlamaJson
from harness.tool_formats.mistral import Mistral
from harness.tool_formats.qwen3_coder import Qwen3Coder
from harness.tool_formats.text import Call, Piece, Reader, Said, ToolFormat, read_all

FORMATS: Final[Mapping[str, ToolFormat]] = {each.name: each for each in (Hermes(), Qwen3Coder(), LlamaJson(), Mistral(), Fenced())}

__all__ = ["FORMATS", "Call", "Piece", "Reader", "Said", "ToolFormat", "read_all"]
