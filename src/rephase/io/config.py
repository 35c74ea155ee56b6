"""Settings in YAML: read into small pydantic models, with dotted overrides and a hint for a misspelt key."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from rephase.errors import UserError


class Config(BaseModel):
    """Base of all settings: unknown keys are errors, and values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


C = TypeVar("C", bound=Config)


def read_config(kind: type[C], path: Path | None = None, overrides: Sequence[str] = ()) -> C:
    """Read settings from a YAML file and change some of them.

    Parameters
    ----------
    kind
        Model of the settings.
    path
        YAML file; None starts from the defaults.
    overrides
        ``key=value`` with dots into nested settings, as in ``windows.length=2``; the value is YAML.

    Raises
    ------
    UserError
        When the file is missing or no YAML, a key is unknown, or a value does not fit.
    """
    settings = read_settings(path, overrides)
    source = "the settings" if path is None else str(path)
    try:
        return kind.model_validate(settings)
    except ValidationError as error:
        raise _explained(error, kind, source) from None


def read_settings(path: Path | None = None, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """Read settings as they are written, and change some of them; nothing says yet what they may be.

    Parameters
    ----------
    path, overrides
        As of `read_config`.

    Raises
    ------
    UserError
        When the file is missing or no YAML, or a change is not written as one.
    """
    settings: dict[str, Any] = {} if path is None else _read_yaml(path)
    for override in overrides:
        _set(settings, override)
    return settings


def dump_config(config: Config) -> str:
    """Write settings as YAML, every value spelt out, in the order of the model."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _read_yaml(path: Path) -> dict[str, Any]:
    wanted = "settings in YAML"
    try:
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(wanted, f"no file {path}", "check the path") from None
    except IsADirectoryError:
        raise UserError(wanted, f"{path} is a directory", "give a file") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(wanted, f"{path}: {error}", "correct the file") from error
    if settings is None:
        return {}
    if not isinstance(settings, dict):
        raise UserError(wanted, f"{path} holds a {type(settings).__name__}", "write it as key: value")
    return settings


def _set(settings: dict[str, Any], override: str) -> None:
    """Put one ``a.b=value`` into nested dictionaries."""
    dotted, equals, text = override.partition("=")
    keys = dotted.strip().split(".")
    if not equals or not all(keys):
        raise UserError("KEY=VALUE", repr(override), "write for example windows.length=2")
    inner = settings
    for key in keys[:-1]:
        below = inner.get(key)
        if not isinstance(below, dict):
            below = {}
        inner[key] = below
        inner = below
    try:
        inner[keys[-1]] = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserError(f"a value for {dotted}", f"{text!r}: {error}", "write it as in YAML") from error


def _explained(error: ValidationError, kind: type[Config], source: str) -> UserError:
    """Turn the first complaint of pydantic into a message with the nearest right key."""
    first = error.errors()[0]
    location = [part for part in first["loc"] if not _is_tag(part, kind)]
    name = ".".join(str(part) for part in location)
    if first["type"] != "extra_forbidden":
        value = repr(first["input"])
        found = f"{value if len(value) < 80 else value[:77] + '…'} in {source}"
        wanted = first["msg"].removeprefix("Value error, ")  # pydantic's words for what a validator raises
        return UserError(f"{name}: {wanted}" if name else wanted, found, f"correct {name or 'the settings'}")
    known = _keys_beside(kind, first["loc"])
    close = get_close_matches(str(location[-1]), known, n=1, cutoff=0.5)
    do = f"did you mean {close[0]}?" if close else "remove it"
    return UserError(f"one of the keys {', '.join(known)}", f"{name} in {source}", do)


def _keys_beside(kind: Any, location: Sequence[int | str]) -> list[str]:
    """List the keys that are known where an unknown one was found; its location may name one of a union."""
    models = [kind]
    for part in location[:-1]:
        below = [found for model in models for found in _models_under(model, part)]
        models = below or [model for model in models if part in _names(model)] or models
    return sorted({name for model in models for name in model.model_fields})


def _models_under(model: type[BaseModel], part: int | str) -> list[type[BaseModel]]:
    field = model.model_fields.get(str(part))
    return [] if field is None else _models_in(field.annotation)


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """Find the models that a type is made of, as in ``Model | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in _models_in(part)]


def _names(model: type[BaseModel]) -> set[object]:
    """Return what pydantic may call a member of a union: its class, and the values of ``kind: cubic``."""
    fields = model.model_fields.values()
    return {
        model.__name__,
        *(value for field in fields for value in getattr(field.annotation, "__args__", ())),
    }


def _is_tag(part: int | str, kind: type[Config]) -> bool:
    """Tell whether part of a location only names the member of a union that pydantic tried."""
    return part in _tags(kind)


def _tags(kind: type[BaseModel]) -> set[str]:
    """Collect class names, and the values of discriminators such as ``kind: cubic``, below a model."""
    tags: set[str] = set()
    for field in kind.model_fields.values():
        models = _models_in(field.annotation)
        tags = tags.union({model.__name__ for model in models}, *(_tags(model) for model in models))
        if isinstance(field.discriminator, str):
            members = (model.model_fields[field.discriminator].annotation for model in models)
            tags.update(str(value) for member in members for value in getattr(member, "__args__", ()))
    return tags
