"""Which models a server has, and whether it is an OpenAI-compatible server at all: asked once, before anything is spent on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from harness.chat import ChatError, classify
from harness.config import ConfigError, ModelSettings
from harness.endpoint import OpenAIChatModel, authorization
from harness.request import send, text_of
from harness.wire import parse_models
from tasks.integrity import printable
from trajectories.trajectory import Message

_SECONDS: Final = 20.0
_MOST_NAMES: Final = 20


class KeyRefusedError(ConfigError):
    """Or the want of one."""


class NoListError(ConfigError):
    """Not every server has a list, and some fail at it."""


async def listed(base_url: str, headers: Mapping[str, str], *, seconds: float = _SECONDS) -> dict[str, str | None]:
    """Every model that is served: of an adapter, the base that it belongs to; None for a base.

    KeyRefusedError, NoListError; another ConfigError when it cannot be reached, or is no such server. Where a list is found below /v1, it says so.
    """
    response = await send("GET", f"{base_url}/models", headers=headers, seconds=seconds)
    if response.status_code in (401, 403):
        raise KeyRefusedError(f"{base_url} refuses the key ({response.status_code})")
    if response.status_code >= 300:
        if response.status_code == 404:
            await _must_be_the_place(base_url, headers, seconds)
        meaning = classify(response.status_code, text_of(response))
        raise NoListError(f"{base_url} lists no models: {meaning if isinstance(meaning, ChatError) else meaning.message}")
    try:
        return parse_models(response.content)
    except ChatError as error:
        if error.kind != "protocol":
            raise NoListError(f"{base_url} lists no models: {error}") from error
        await _must_be_the_place(base_url, headers, seconds)
        end = "" if base_url.endswith("/v1") else "; the URL of one usually ends in /v1"
        raise ConfigError(f"{base_url} is not an OpenAI-compatible server (its /models is no list: {error}){end}") from error


async def _must_be_the_place(base_url: str, headers: Mapping[str, str], seconds: float) -> None:
    """ConfigError when it is one step further down that the models are listed."""
    if base_url.endswith("/v1"):
        return
    try:
        response = await send("GET", f"{base_url}/v1/models", headers=headers, seconds=seconds)
        found = response.status_code in (401, 403)
        if response.status_code == 200:
            parse_models(response.content)
            found = True
    except (ConfigError, ChatError):
        return
    if found:
        raise ConfigError(f"{base_url} lists no models, and {base_url}/v1 does: did you mean {base_url}/v1?")


async def discover(settings: ModelSettings) -> ModelSettings:
    """The settings with a name that the endpoint serves. ConfigError: unreachable, not OpenAI-compatible, no such model.

    A server that lists no model is asked for one token by the given name.
    """
    where = settings.base_url
    assert where is not None
    seconds = min(_SECONDS, settings.request_timeout_seconds)
    try:
        names = await listed(where, authorization(settings), seconds=seconds)
    except NoListError:
        names = {}
    except KeyRefusedError as error:
        raise ConfigError(_unauthorised(settings)) from error
    name = settings.name
    if not name:
        if len(names) != 1:
            offer = f"it serves {_some(names)}" if names else "it lists no model"
            raise ConfigError(f"which model of {where}? {offer}: give --model NAME --base-url {where}")
        name = next(iter(names))
        if not name.isprintable():
            raise ConfigError(f"{where} calls its model '{printable(name)}': give --model NAME --base-url {where} if that is meant")
    elif names and name not in names:
        raise ConfigError(f"{where} does not serve '{printable(name)}'; it serves {_some(names)}")
    chosen = settings.model_copy(update={"name": name})
    if not names:
        await _ask_for_one_token(chosen)
    return chosen


async def refuses(settings: ModelSettings) -> ChatError | None:
    """What a request of one token with these settings fails with."""
    sampling = settings.sampling.model_copy(update={"max_tokens": 1})
    model = OpenAIChatModel(settings.model_copy(update={"sampling": sampling, "retry_seconds": 0.0}))
    try:
        await model.complete([Message(role="user", content="Hi")], [])
    except ChatError as error:
        return error
    finally:
        await model.close()
    return None


async def _ask_for_one_token(settings: ModelSettings) -> None:
    error = await refuses(settings)
    if error is None:
        return
    if error.kind == "authentication":
        raise ConfigError(_unauthorised(settings)) from error
    raise ConfigError(
        f"{settings.base_url} does not answer as an OpenAI-compatible server for model '{printable(settings.name)}': {error}"
    ) from error


def _unauthorised(settings: ModelSettings) -> str:
    return f"{settings.base_url} refuses the key: set {settings.api_key_variable} in the environment"


def _some(names: Iterable[str]) -> str:
    return ", ".join(printable(name) for name in sorted(names)[:_MOST_NAMES])
