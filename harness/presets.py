"""The settings of a model with what its recipe and its server's profile say where a person says nothing. All of it is written into the run."""

from __future__ import annotations

from typing import Any

from harness.config import ConfigError, ModelSettings, Sampling, ThinkingSettings
from harness.profile import Profile
from training.recipe import Recipe, find_recipe, recipe_for


def resolve(settings: ModelSettings, profile: Profile | None = None) -> ModelSettings:
    """ConfigError when the profile is another model's, or a budget of thinking is wanted of a server that can hold none; TrainingError when there
    is no such recipe."""
    if profile is not None and profile.model != settings.name:
        raise ConfigError(
            f"the profile is of {profile.model!r}, and {settings.name!r} is asked: "
            f"harness doctor --model {settings.name} --base-url {settings.base_url} --profile FILE writes one of it"
        )
    recipe = _recipe(settings)
    thinking = _thinking(settings.thinking, recipe, profile)
    settings = settings.model_copy(
        update={
            "recipe": settings.recipe if recipe is None else settings.recipe or recipe.name,
            "thinking": thinking,
            "tool_format": settings.tool_format or (profile.tool_format if profile is not None else None),
            "context_tokens": settings.context_tokens or (profile.context_tokens if profile is not None else None),
        }
    )
    if recipe is not None:
        settings = settings.model_copy(update={"sampling": _sampling(settings, recipe, profile)})
        if settings.rescue_format is None and settings.tool_format in (None, "native") and recipe.serve.tool_format is not None:
            settings = settings.model_copy(update={"rescue_format": recipe.serve.tool_format})
    return ModelSettings.model_validate(settings.model_dump())


def of_other_servers(settings: ModelSettings, profile: Profile) -> list[str]:
    """The servers that are asked and not the profile's own: what it says of them is not seen but believed."""
    return [url for url in (settings.base_url, *settings.more_urls) if url is not None and url != profile.base_url]


def without_additions(settings: ModelSettings, given: ModelSettings) -> ModelSettings:
    """The settings less what a recipe adds to them that is not in OpenAI's own API, for a server that refuses it."""
    sampling = settings.sampling.model_copy(
        update={"extra_body": given.sampling.extra_body, "chat_template_kwargs": given.sampling.chat_template_kwargs}
    )
    return settings.model_copy(update={"sampling": sampling})


def _recipe(settings: ModelSettings) -> Recipe | None:
    if settings.recipe == "none":
        return None
    return find_recipe(settings.recipe) if settings.recipe is not None else recipe_for(settings.name)


def _sampling(settings: ModelSettings, recipe: Recipe, profile: Profile | None) -> Sampling:
    """What is given goes first, name by name."""
    given = settings.sampling
    off = settings.thinking is not None and settings.thinking.mode == "off"
    preset = recipe.sampling.get(settings.preset or ("no_reasoning" if off else "tools"))
    changes: dict[str, Any] = {}
    if preset is not None:
        if given.temperature is None:
            changes["temperature"] = preset.temperature
        if given.top_p is None:
            changes["top_p"] = preset.top_p
        if profile is None or profile.more_sampling != "refused":
            more = {"top_k": preset.top_k, "min_p": preset.min_p}
            changes["extra_body"] = {name: value for name, value in more.items() if value is not None} | given.extra_body
    if recipe.template.kwargs and (profile is None or profile.template_kwargs != "refused"):
        changes["chat_template_kwargs"] = {**recipe.template.kwargs, **given.chat_template_kwargs}
    return given.model_copy(update=changes)


def _thinking(given: ThinkingSettings | None, recipe: Recipe | None, profile: Profile | None) -> ThinkingSettings | None:
    known: dict[str, Any] = {}
    if recipe is not None and recipe.thinking is not None:
        family = recipe.thinking
        known = {"open": family.open, "close": family.close, "switch": family.switch, "keep": family.keep}
    if profile is not None:
        known |= {name: value for name, value in (("field", profile.reasoning_field), ("budget_field", profile.budget_field)) if value}
        if profile.reasoning_history == "refused":
            known["keep"] = "none"
    if given is None:
        return ThinkingSettings(**{name: value for name, value in known.items() if name != "budget_field"}) if "open" in known else None
    told = ThinkingSettings(**(known | given.model_dump(exclude_unset=True)))
    if told.mode != "server" and told.switch is None:
        raise ConfigError("thinking cannot be switched: the model's recipe names no switch; give model.thinking.switch, or --recipe")
    if told.budget_tokens is not None and told.budget_field is None and profile is not None and not profile.continues_turn:
        raise ConfigError(
            "a budget of thinking cannot be held: by the profile, the server has none and goes on with no turn that was begun"
        )
    return told
