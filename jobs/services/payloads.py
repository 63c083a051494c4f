"""What comes from outside is checked before it becomes a command: JSON, size, form."""

from __future__ import annotations

import secrets
from typing import Any

import jsonschema

from ledger.canonical import NotJson, jsonable

from ..conf import conf
from ..core.chain import canonical
from ..core.errors import Invalid, TooLarge
from ..core.names import ID
from ..secrecy import admitted


def checked(value: Any, what: str) -> Any:
    """A payload as plain JSON within the size limit.

    Raises:
        Invalid: it has no JSON form, or holds a secret that the policy refuses.
        TooLarge: over `AETHERIS["MAX_PAYLOAD"]`.
    """
    try:
        plain = jsonable(value)
        text = canonical(plain)
    except (NotJson, TypeError, ValueError, RecursionError) as error:
        raise Invalid(f"{what} is not JSON: {error}", code="not_json") from None
    limit = conf().MAX_PAYLOAD
    if len(text) > limit:
        raise TooLarge(
            f"{what} has {len(text)} bytes, the limit is {limit}; store it elsewhere and pass a reference"
        )
    return admitted(plain, what)


def letter_id(id: str | None) -> str:
    """A letter's own id, or a fresh one.

    Raises:
        Invalid: not text of 1 to 255 characters.
    """
    if id is None:
        return secrets.token_hex(16)
    if not isinstance(id, str) or not 1 <= len(id) <= 255:
        raise Invalid("an id is text of 1 to 255 characters")
    return id


def name(text: str, what: str) -> str:
    """A signal's or channel's name.

    Raises:
        Invalid: it does not follow the grammar of names.
    """
    if not isinstance(text, str) or not ID.fullmatch(text):
        raise Invalid(
            f"{text!r} is no name of a {what}: 1 to 120 letters, digits, '_', '.' or '-', beginning with a letter, "
            "digit or '_'",
            code="bad_name",
        )
    return text


def fitting(form: Any, schema: Any) -> Any:
    """A filled-in form that fits the approval's schema.

    Raises:
        Invalid: it does not, naming each field.
    """
    if schema is None:
        if form not in (None, {}):
            raise Invalid("this approval asks for no form", code="no_form")
        return None
    validator = jsonschema.Draft202012Validator(schema)
    errors = [
        {"loc": ["form", *error.absolute_path], "msg": error.message}
        for error in sorted(validator.iter_errors(form if form is not None else {}), key=str)
    ]
    if errors:
        raise Invalid("the form does not fit: " + "; ".join(e["msg"] for e in errors[:3]), code="bad_form",
                      errors=errors)  # fmt: skip
    return form if form is not None else {}
