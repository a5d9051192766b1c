"""`harness doctor`: what is printed of the findings, and the profile that is written."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

from harness.config import ConfigError, ModelSettings
from harness.console import Screen
from harness.doctor import Finding, examine, is_fit
from harness.eval_commands import model_settings
from harness.profile import Profile


async def _doctor(options: argparse.Namespace, screen: Screen) -> bool:
    """True when all is there that a run needs."""
    model = _model(options)
    file: Path | None = options.profile
    if file is not None:
        if model is None:
            raise ConfigError("--profile is written of an endpoint: give --model URL as well")
        _must_be_writable(file)  # before minutes are spent on what goes into it
    findings, profile = await examine(model, (lambda line: None) if options.json else screen.say, at_once=options.at_once)
    if file is not None:
        findings = [*findings, _write(profile, file)]
    if options.json:
        told = profile.model_dump(mode="json") if profile is not None else None
        print(json.dumps({"findings": [finding.model_dump() for finding in findings], "profile": told}, indent=1))
    else:
        screen.table(("", "", ""), [(finding.subject, finding.state, finding.words) for finding in findings])
    return is_fit(findings)


def _model(options: argparse.Namespace) -> ModelSettings | None:
    """The endpoint that is asked about, if one is."""
    chosen = model_settings(options) if options.model is not None or options.base_url is not None else {}
    return ModelSettings.model_validate({**chosen, "recipe": options.recipe}) if chosen.get("base_url") else None


def _must_be_writable(file: Path) -> None:
    if file.is_dir():
        raise ConfigError(f"{file} is a directory: a profile is a file")
    try:
        with tempfile.TemporaryFile(dir=file.parent):
            pass
        if file.exists():
            file.open("ab").close()
    except OSError as error:
        raise ConfigError(f"{file} cannot be written ({(error.strerror or str(error)).lower()})") from error


def _write(profile: Profile | None, file: Path) -> Finding:
    if profile is None:
        kept = ": it is the older one" if file.exists() else ""
        return Finding(subject="profile", state="note", words=f"{file} is not written{kept}")
    file.write_text(profile.to_toml(), encoding="utf-8")
    return Finding(subject="profile", state="ok", words=str(file))


ACTIONS: Final[Mapping[str, Callable[[argparse.Namespace, Screen], Awaitable[bool]]]] = {"doctor": _doctor}
