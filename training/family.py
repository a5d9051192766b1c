"""What of a base is needed before its weights are: its recipe, its tokenizer, how many ids it knows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.base_settings import BaseSettings
from training.errors import TrainingError
from training.recipe import Recipe, find_recipe, recipe_for
from training.turns import stop_ids


@dataclass(frozen=True, slots=True)
class Family:
    recipe: Recipe
    tokenizer: Any
    config: Any
    """transformers' configuration of the base."""
    told: tuple[int, ...] = ()
    """Tokens at which its generation configuration stops."""

    @property
    def vocabulary(self) -> int:
        return int(self.config.get_text_config().vocab_size)

    @property
    def ends(self) -> list[int]:
        """Tokens at which generation stops, and a server by itself: what ends a turn, the end of text, what the checkpoint tells."""
        return stop_ids(self.recipe, self.tokenizer, self.told)


def read_family(base: BaseSettings, recipe: str | None) -> Family:
    """`recipe`: a name or a file; None: by the base's type or name. TrainingError when it is not known, or the base cannot be read."""
    from transformers import AutoConfig, AutoTokenizer

    looks_like_a_path = base.path.startswith((".", "/", "~")) or base.path.count("/") != 1
    if not Path(base.path).is_dir() and looks_like_a_path:
        raise TrainingError(f"{base.path}: there is no such directory, and it is no hub name (owner/name)")
    try:
        config = AutoConfig.from_pretrained(base.path, trust_remote_code=base.trust_remote_code)
    except (OSError, ValueError, KeyError) as error:
        raise TrainingError(f"{base.path}: {str(error).splitlines()[0]}") from error
    try:
        tokenizer = AutoTokenizer.from_pretrained(base.path, trust_remote_code=base.trust_remote_code)
    except (OSError, ValueError, KeyError) as error:
        raise TrainingError(f"{base.path}: the tokenizer is missing or cannot be read: {str(error).splitlines()[0]}") from error
    if not tokenizer.encode("a", add_special_tokens=False):  # without files some classes make an empty one
        raise TrainingError(f"{base.path}: the tokenizer is missing: put the model's tokenizer.json and tokenizer_config.json there")
    if recipe is not None:
        return Family(find_recipe(recipe), tokenizer, config, _told_ends(base.path))
    found = recipe_for(Path(base.path).name if Path(base.path).is_dir() else base.path, config.model_type)
    if found is None:
        raise TrainingError(
            f"no recipe knows {base.path} (model_type {config.model_type!r}): give recipe, a shipped name or a TOML of yours"
        )
    return Family(found, tokenizer, config, _told_ends(base.path))


def tokenizer_digest(tokenizer: Any) -> str:
    """sha256 in hex over what decides how text becomes ids."""
    backend: Callable[[], str] | None = getattr(getattr(tokenizer, "backend_tokenizer", None), "to_str", None)
    text = backend() if backend is not None else json.dumps(tokenizer.get_vocab(), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def template_digest(tokenizer: Any) -> str | None:
    template = tokenizer.chat_template
    return hashlib.sha256(template.encode()).hexdigest() if isinstance(template, str) else None


def _told_ends(path: str) -> tuple[int, ...]:
    from transformers import GenerationConfig

    try:
        told = GenerationConfig.from_pretrained(path).eos_token_id
    except OSError:  # not every checkpoint has one
        return ()
    return tuple(told) if isinstance(told, list) else () if told is None else (told,)
