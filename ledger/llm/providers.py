"""Which provider answers for which model: the registry and its settings."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from ledger.llm.openai_http import OpenAIHTTP
from ledger.llm.scripted import Scripted
from ledger.llm.values import Provider, UnknownModel

_registered: dict[str, Provider] = {}
_configured: dict[str, Provider] = {}
_lock = threading.Lock()


def register_model(name_or_pattern: str, provider: Provider) -> None:
    """Let a provider answer for a model, or for all whose name begins alike.

    Args:
        name_or_pattern: a model's name, or its beginning and a star: `"gpt-*"`.
        provider: who answers; it goes before one from the settings.

    Raises:
        ValueError: a star elsewhere than at the end, an empty name, or no `complete` method.
    """
    _check_pattern(name_or_pattern)
    if not callable(getattr(provider, "complete", None)):
        raise ValueError(
            f"provider {provider!r} for model {name_or_pattern!r} has no method complete(request, call)"
        )
    with _lock:
        _registered[name_or_pattern] = provider


def provider_for(model: str) -> Provider:
    """Find who answers for a model: its exact name, else the longest matching pattern.

    Raises:
        UnknownModel: nobody; the message names the model and what to configure.
    """
    with _lock:
        known = {**_configured, **_registered}
    if model in known:
        return known[model]
    fitting = [each for each in known if each.endswith("*") and model.startswith(each[:-1])]
    if fitting:
        return known[max(fitting, key=len)]
    names = ", ".join(sorted(known)) or "none"
    raise UnknownModel(
        f"no provider is configured for model {model!r} (configured: {names}); add it under AETHERIS['MODELS'] "
        "(in the shipped project: AETHERIS_MODELS), or call register_model(name, provider)"
    )


def configure(settings: Mapping[str, Any]) -> None:
    """Take the models from settings; what an earlier call configured is replaced as a whole.

    Args:
        settings: `{"models": {name_or_pattern: {"provider": "openai" | "scripted", ...options}}}`.
            Options of `openai`: `base_url`, `api_key_env`, `api_key` (a function), `model`,
            `timeout`. Of `scripted`: one of `file`, `replies`, `function` (callable or
            `"module:name"`), and `calls_file`, `fail_times`.

    Raises:
        ValueError: an unknown key, provider or option; nothing is changed then.
    """
    unknown = sorted(set(settings) - {"models"})
    if unknown:
        raise ValueError(
            f"model settings: unknown key {', '.join(map(repr, unknown))}; the only one is 'models'"
        )
    made = {name: _provider(name, options) for name, options in dict(settings.get("models", {})).items()}
    with _lock:
        _configured.clear()
        _configured.update(made)


def _provider(name: str, options: Any) -> Provider:
    _check_pattern(name)
    if not isinstance(options, Mapping) or options.get("provider") not in _MAKERS:
        known = ", ".join(sorted(_MAKERS))
        raise ValueError(f"model {name!r}: write {{'provider': ..., ...}} with one of the providers {known}")
    rest = {key: value for key, value in options.items() if key != "provider"}
    try:
        return _MAKERS[options["provider"]](**rest)
    except (TypeError, ValueError, OSError, ImportError, AttributeError) as error:
        raise ValueError(f"model {name!r}, provider {options['provider']!r}: {error}") from error


def _scripted(*, file: Any = None, replies: Any = None, function: Any = None, **options: Any) -> Provider:
    given = [each for each in (file, replies, function) if each is not None]
    if len(given) != 1:
        raise ValueError("give exactly one of file, replies, function")
    script = _imported(function) if isinstance(function, str) else given[0]
    return Scripted(script, **options)


def _imported(path: str) -> Any:
    module, _, name = path.partition(":")
    if not module or not name:
        raise ValueError(f"function is {path!r}; write 'module:name'")
    return getattr(import_module(module), name)


def _check_pattern(name: object) -> None:
    if not isinstance(name, str) or not name or "*" in name[:-1]:
        raise ValueError(f"model name {name!r}: give a name, or the beginning of one and a star at the end")


_MAKERS: dict[str, Callable[..., Provider]] = {"openai": OpenAIHTTP, "scripted": _scripted}
