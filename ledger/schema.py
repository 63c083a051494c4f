"""Arguments as the type hints promise them: JSON Schema, validation, and binding."""

from __future__ import annotations

import inspect
import secrets
import typing
import warnings
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, create_model
from pydantic.errors import PydanticUserError
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema

from ledger.canonical import NotJson, canonical, digest, jsonable, storable
from ledger.references import StandIns, mentioned

__all__ = [
    "Arguments",
    "BadArguments",
    "BadSignature",
    "bind",
    "canonical",
    "digest",
    "storable",
    "validate_args",
]


class BadSignature(TypeError):
    """A function cannot be called with named JSON arguments; the message says which part and why."""


class BadArguments(ValueError):
    """Arguments do not fit the type hints. `errors` lists `{loc, msg}`; nothing was called."""

    code = "bad_arguments"

    def __init__(self, what: str, errors: list[dict[str, Any]]) -> None:
        said = "; ".join(
            f"{'.'.join(map(str, each['loc'])) or 'arguments'}: {each['msg']}" for each in errors
        )
        super().__init__(f"{what} refused its arguments: {said}")
        self.what = what
        self.errors = errors


class _PlainSchema(GenerateJsonSchema):
    """JSON Schema without a title on every field: a title here only repeats the name."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


@dataclass(frozen=True)
class Arguments:
    """The named arguments of one function.

    `schema` is their JSON Schema, `names` maps the model's private field names to the real ones.
    """

    what: str
    model: type[BaseModel]
    names: Mapping[str, str]
    skip: frozenset[str]
    schema: dict[str, Any]
    references: bool = False

    @classmethod
    def of(
        cls,
        fn: Callable[..., Any],
        skip: tuple[str, ...] = ("call",),
        what: str = "",
        references: bool = False,
    ) -> Arguments:
        """Read a function's signature and type hints.

        Args:
            fn: the function; a parameter without a hint takes any JSON value.
            skip: parameters that the runtime fills in itself.
            what: how messages name the function, e.g. `"tool 'pay'"`.
            references: a text may also be given as a reference to a secret (`ledger.secret`).

        Returns:
            Its arguments, ready to validate and bind.

        Raises:
            BadSignature: `*args`, a positional-only parameter, a hint that has no JSON form, or a
                default that does not fit its hint.
        """
        what = what or f"function {fn.__qualname__!r}"
        check_signature(fn, skip, what)
        hints = _hints(fn, what)
        parameters = inspect.signature(fn).parameters
        taken = [p for p in parameters.values() if p.name not in skip]
        fields = {f"p{i}": _field(p, hints, what) for i, p in enumerate(taken) if p.kind is not p.VAR_KEYWORD}
        names = {f"p{i}": p.name for i, p in enumerate(taken) if p.kind is not p.VAR_KEYWORD}
        base = _base(taken, hints)
        model = _model(fn.__name__, base, fields, names, what)
        _check_defaults(fields, names, what)
        return cls(what, model, names, frozenset(skip), _schema(model, what), references)

    def validate(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """Check arguments and write them in their one JSON form, defaults filled in.

        Args:
            args: arguments by name: JSON, or Python values that have a JSON form.

        Returns:
            A JSON object; equal arguments give equal canonical text.

        Raises:
            BadArguments: an unknown, missing or ill-typed argument.
        """
        text, held = self._read(args, secret_nonce=True)
        known = held.names if held else ()
        written: dict[str, Any] = self._parse(text, known).model_dump(
            mode="json", by_alias=True, round_trip=True, warnings=False
        )
        if (again := self._written(written)) != text:
            self._parse(again, known)  # what is recorded must be readable again for the call
        if held is None:
            return written
        try:
            whole: dict[str, Any] = held.put_back(written)
        except LookupError as lost:
            msg = f"its type changes the text, so the secret {lost.args[0]!r} cannot be given by reference"
            raise BadArguments(self.what, [{"loc": [], "msg": msg}]) from None
        return whole

    def bind(self, args: Mapping[str, Any], opened: Collection[str] = ()) -> dict[str, Any]:
        """Turn JSON arguments into what the function expects: models, times, enums.

        Args:
            args: JSON arguments; a reference that is still in them becomes the text `secret:NAME`.
            opened: the secrets that stand in them in the place of references.

        Raises:
            BadArguments: they do not fit (the function has changed since they were validated).
        """
        text, held = self._read(args)
        parsed = self._parse(text, held.names if held else opened)
        bound = {name: getattr(parsed, field) for field, name in self.names.items()}
        return bound | dict(parsed.model_extra or {})

    def _read(self, args: Mapping[str, Any], *, secret_nonce: bool = False) -> tuple[str, StandIns | None]:
        """The canonical text of arguments, with a stand-in for every reference to a secret."""
        if not isinstance(args, Mapping):
            kind = type(args).__name__
            raise BadArguments(self.what, [{"loc": [], "msg": f"they must be a JSON object, not {kind}"}])
        reserved = sorted(self.skip & set(args))
        if reserved:
            msg = "the runtime fills this in itself; leave it out"
            raise BadArguments(self.what, [{"loc": [name], "msg": msg} for name in reserved])
        text = self._written(args)
        if not self.references or not mentioned(text):
            return text, None
        held = StandIns(text, f"secret:{secrets.token_hex(16)}:" if secret_nonce else "")
        return held.text, held

    def _parse(self, text: str, opened: Collection[str]) -> BaseModel:
        try:
            return self.model.model_validate_json(text, strict=True, context=opened)
        except ValidationError as error:
            found = error.errors(include_url=False, include_context=False, include_input=False)
            errors = [{"loc": list(each["loc"]), "msg": each["msg"]} for each in found]
            raise BadArguments(self.what, errors) from None

    def _written(self, args: Mapping[str, Any]) -> str:
        try:
            return canonical({_text_key(key): jsonable(value, str(key)) for key, value in args.items()})
        except NotJson as error:
            raise BadArguments(self.what, [{"loc": [error.path], "msg": error.reason}]) from None
        except (RecursionError, ValueError, TypeError) as error:
            raise BadArguments(self.what, [{"loc": [], "msg": f"they have no JSON form: {error}"}]) from None


def _check_defaults(fields: dict[str, tuple[Any, Any]], names: Mapping[str, str], what: str) -> None:
    for field, (hint, info) in fields.items():
        if info.is_required():
            continue
        try:
            adapter: TypeAdapter[Any] = TypeAdapter(hint)
            adapter.validate_json(canonical(jsonable(info.default, names[field])), strict=True)
        except (ValueError, TypeError) as error:
            raise BadSignature(
                f"{what}: the default of {names[field]!r} ({info.default!r}) does not fit its type hint "
                f"as JSON: {error}; change the default or the hint"
            ) from None


def _text_key(key: object) -> str:
    if not isinstance(key, str):
        raise NotJson(str(key), "an argument's name must be text")
    return key


def check_signature(fn: Callable[..., Any], skip: tuple[str, ...], what: str) -> None:
    """Refuse at once what no named argument can reach: `*args` and positional-only parameters.

    Raises:
        BadSignature: naming the parameter.
    """
    for each in inspect.signature(fn).parameters.values():
        if each.kind is each.VAR_POSITIONAL:
            raise BadSignature(
                f"{what}: *{each.name} cannot be given by name; list the parameters one by one"
            )
        if each.kind is each.POSITIONAL_ONLY and each.name not in skip:
            raise BadSignature(f"{what}: {each.name!r} is positional-only; remove the '/' from the signature")


def _hints(fn: Callable[..., Any], what: str) -> dict[str, Any]:
    try:
        return typing.get_type_hints(fn, include_extras=True)
    except (NameError, TypeError, AttributeError) as error:
        raise BadSignature(
            f"{what}: a type hint cannot be read ({error}); types used in hints must be defined at module level"
        ) from None


def _field(parameter: inspect.Parameter, hints: dict[str, Any], what: str) -> tuple[Any, Any]:
    hint = hints.get(parameter.name, Any)
    default: Any = ... if parameter.default is parameter.empty else parameter.default
    if isinstance(default, FieldInfo):
        raise BadSignature(
            f"{what}: write Field(...) of {parameter.name!r} inside Annotated, not as its default"
        )
    if default is None:
        hint = typing.Optional[hint]  # noqa: UP045  (`hint | None` fails for hints given as text)
    return hint, Field(default, alias=parameter.name)


def _base(taken: list[inspect.Parameter], hints: dict[str, Any]) -> type[BaseModel]:
    rest = [p.name for p in taken if p.kind is p.VAR_KEYWORD]
    if not rest:
        return _Strict
    space = {
        "__module__": __name__,
        "__annotations__": {"__pydantic_extra__": dict[str, hints.get(rest[0], Any)]},  # type: ignore[misc]
        "model_config": ConfigDict(strict=True, extra="allow"),
    }
    return type("_Open", (BaseModel,), space)


def _model(
    title: str, base: type[BaseModel], fields: dict[str, tuple[Any, Any]], names: Mapping[str, str], what: str
) -> type[BaseModel]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return create_model(title, __base__=base, **fields)  # type: ignore[call-overload]
    except (PydanticUserError, TypeError) as error:
        bad = next((names[field] for field, (hint, _) in fields.items() if not _readable(hint)), "?")
        raise BadSignature(f"{what}: the type hint of {bad!r} has no JSON form: {error}") from None


def _readable(hint: Any) -> bool:
    try:
        TypeAdapter(hint)
    except (PydanticUserError, TypeError):
        return False
    return True


def _schema(model: type[BaseModel], what: str) -> dict[str, Any]:
    try:
        schema = model.model_json_schema(by_alias=True, schema_generator=_PlainSchema)
    except PydanticUserError as error:
        raise BadSignature(f"{what}: a type hint has no JSON Schema: {error}") from None
    if '"writeOnly":true' in canonical(schema):
        raise BadSignature(
            f"{what}: a secret as argument would be written into the ledger; write ledger.Secret as its "
            "type, which takes a reference"
        )
    return schema


def validate_args(tool: Any, args: Mapping[str, Any]) -> dict[str, Any]:
    """Check the arguments of a tool; see `Arguments.validate`."""
    arguments: Arguments = tool.arguments
    return arguments.validate(args)


def bind(tool: Any, args: Mapping[str, Any]) -> dict[str, Any]:
    """Turn a tool's JSON arguments into what its function expects; see `Arguments.bind`."""
    arguments: Arguments = tool.arguments
    return arguments.bind(args)
