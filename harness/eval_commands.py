"""`harness eval`: from its options to a configuration, one call, and what is printed. How a model is named serves other commands as well."""

from __future__ import annotations

import argparse
import json
import os
from typing import Any, Final

from harness.config import ConfigError, RunConfig, build_config, server_url
from harness.console import Screen
from harness.endpoint_options import endpoint_settings
from harness.evaluate import Spread, evaluate
from harness.oracle import BUILT_IN
from harness.profile import read_profile
from harness.report_commands import run_renderer

_POINT_AT_A_MODEL: Final = """\
This was the built-in oracle, which plays each task's reference solution: it shows that every part works.
To evaluate a model: harness eval --model http://localhost:8000/v1   (any OpenAI-compatible server)"""


async def evaluate_suite(options: argparse.Namespace, screen: Screen) -> bool:
    """True when every attempt has its score. RunStoppedError and an interruption are the caller's to show."""
    if options.ray_address is not None and options.executor != "ray":
        raise ConfigError("--ray-address goes with --executor ray")
    config = run_config(options)
    profile = read_profile(options.profile) if options.profile else None
    render = run_renderer() if options.report else None  # what it lacks is said before the run
    with screen.progress() as progress:
        directory, summary = await evaluate(
            config,
            output=options.output,
            fresh=options.fresh,
            say=screen.say,
            on_start=lambda started: screen.watch(started, progress),
            profile=profile,
            spread=Spread(options.ray_address) if options.executor == "ray" else None,
        )
    report = render(directory, screen) if render is not None else None
    if options.json:
        told = {"run": str(directory), **({"report": str(report)} if report is not None else {})}
        print(json.dumps({**told, **summary.model_dump(mode="json")}, indent=1))
    else:
        screen.summary(summary, directory)
        screen.out.print(f"run: {directory}", markup=False)
        if report is not None:
            screen.out.print(f"every turn of it: {report}", markup=False)
        elif not options.quiet:
            screen.err.print(f"every turn of it: harness view {directory}", markup=False)
        if config.model.name == "oracle" and not options.quiet:
            screen.err.print(_POINT_AT_A_MODEL, markup=False)
    return summary.total.scored == summary.total.attempts


def run_config(options: argparse.Namespace) -> RunConfig:
    """What the options say, laid over the file that they name."""
    if (options.price_input is None) != (options.price_output is None):
        raise ConfigError("--price-input and --price-output are given together")
    prices = None if options.price_input is None else {"input": options.price_input, "output": options.price_output}
    sampling = {
        "temperature": options.temperature,
        "top_p": options.top_p,
        "max_tokens": options.max_tokens,
        "seed": options.seed,
        "extra_body": _json_object(options.extra_body, "--extra-body"),
        "chat_template_kwargs": _json_object(options.chat_template_kwargs, "--chat-template-kwargs"),
    }
    overrides = {
        "suite": options.suite,
        "split": options.split,
        "tasks": options.tasks,
        "attempts": options.attempts,
        "concurrency": options.concurrency,
        "model": {**model_settings(options), "sampling": sampling, "prices": prices, **endpoint_settings(options)},
        "limits": {
            "turns": options.max_turns,
            "seconds": options.max_seconds,
            "output_tokens": options.max_output_tokens,
            "cost": options.max_cost,
        },
        "sandbox": {"backend": options.sandbox},
    }
    return build_config(options.config, _given(overrides))


def model_settings(options: argparse.Namespace) -> dict[str, Any]:
    """Name and base URL from `--model` (a name, a URL, or `openai/NAME`), `--base-url` and the environment."""
    several: list[str] = options.model if isinstance(options.model, list) else [options.model] if options.model else []
    urls = [server_url(each) for each in several if each.startswith(("http://", "https://"))]
    if len(several) > 1:
        names = [each for each in several if not each.startswith(("http://", "https://"))]
        if len(names) > 1 or not urls or options.base_url is not None:
            raise ConfigError("several --model are the URLs of one model's servers, and one of them may be its name")
        return {"name": names[0] if names else "", "base_url": urls[0], "more_urls": urls[1:]}
    model: str | None = several[0] if several else None
    base_url: str | None = options.base_url
    if model is None and base_url is None:
        return {} if options.config else {"name": "oracle"}
    if model is not None and model.startswith(("http://", "https://")):
        if base_url is not None:
            raise ConfigError("--model is a URL already: give --base-url with a model's name")
        return {"name": "", "base_url": urls[0]}
    if model in BUILT_IN and base_url is None:
        return {"name": model}
    if base_url is None:
        base_url = os.environ.get("OPENAI_BASE_URL") or None
        if base_url is None and model is not None:
            if not os.environ.get("OPENAI_API_KEY"):
                raise ConfigError(
                    f"where is {model!r} served? give --base-url URL, or --model URL, or set OPENAI_BASE_URL, or OPENAI_API_KEY for OpenAI itself"
                )
            base_url = "https://api.openai.com/v1"
        model = model.removeprefix("openai/") if model else model
    return {"name": model or "", "base_url": server_url(base_url) if base_url is not None else None}


def _json_object(text: str | None, option: str) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        content = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"{option}: not JSON: {error}") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{option}: a JSON object is needed")
    return content


def _given(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings without those that were not given."""
    given = {}
    for name, value in settings.items():
        kept = _given(value) if isinstance(value, dict) and name not in ("extra_body", "chat_template_kwargs") else value
        if kept is not None and kept != {}:
            given[name] = kept
    return given
