"""The shape of an investigation file, and its errors in the words of an analyst."""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Any, NamedTuple, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from .. import providers
from ..scopes import CONTROL_SCOPE, is_scope
from .places import Finding, KeyPath, Unfit, is_secretive, shown_key
from .reference import parse
from .urls import check_endpoint, check_issuer, check_redirect

__all__ = ["LATER", "ChangeShape", "FileShape", "LimitsShape", "OrgShape", "WatchShape", "shape", "unknown_key"]

_M = TypeVar("_M", bound=BaseModel)

#: Keys of the contract that this version does not serve yet.
LATER = frozenset({"token"})
_METHODS = (
    "client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "tls_client_auth",
    "self_signed_tls_client_auth", "none",
)  # fmt: skip
_GRANTS = ("client_credentials",)
_LATER_GRANTS = (
    "authorization_code", "refresh_token", "password", "device_code", "jwt_bearer", "saml2_bearer", "token_exchange",
    "urn:ietf:params:oauth:grant-type:device_code", "urn:ietf:params:oauth:grant-type:jwt-bearer",
    "urn:ietf:params:oauth:grant-type:saml2-bearer", "urn:ietf:params:oauth:grant-type:token-exchange",
)  # fmt: skip


def _line(value: str) -> str:
    if not value.isprintable():
        raise Unfit("has control characters or line breaks", "Write it on one line")
    return value


def _contact(value: str) -> str:
    if not value.isascii() or len(_line(value)) > 200:
        raise Unfit("goes into a header, which takes ASCII up to 200 characters", "Write it shorter or in ASCII")
    return value


def _client_id(value: str) -> str:
    if not value.strip():
        raise Unfit("is empty", "Give the client's id as the authorization server shows it")
    return _line(value)


def _words(value: Any) -> Any:
    if isinstance(value, str):
        return value.split()
    return list(value) if isinstance(value, tuple) else value


def _scope(value: str) -> str:
    if value == CONTROL_SCOPE:
        raise Unfit(f"{CONTROL_SCOPE} is the made-up scope of the kit's own control request", "Remove it")
    if not is_scope(value):
        raise Unfit(
            f"{value[:80]!r} is no scope (RFC 6749 §3.3)", 'One scope an entry: no spaces, no " or \\, ASCII only'
        )
    return value


def _some(value: list[str]) -> list[str]:
    if not value:
        raise Unfit("names no scope", "Name at least one scope")
    return value


def _tags(value: Any) -> Any:
    if isinstance(value, str):
        value = [each.strip() for each in value.split(",") if each.strip()]
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return dict.fromkeys(value, "")
    if isinstance(value, Mapping) and all(isinstance(each, str) for pair in value.items() for each in pair):
        return dict(value)
    raise Unfit("is no list of texts", "Write `tags: [one, two]`, numbers in quotes")


def _one_of(now: Collection[str], later: Collection[str]) -> AfterValidator:
    def check(value: str) -> str:
        if value in now:
            return value
        if value in later:
            raise Unfit(f"{value} is not supported yet by this version", f"Use {' or '.join(now)}")
        close = difflib.get_close_matches(value, now, 1)
        raise Unfit(f"{value[:60]!r} is unknown", f"Did you mean {close[0]}?" if close else f"Use {' or '.join(now)}")

    return AfterValidator(check)


def _verify(value: Any) -> Any:
    if value is False or (isinstance(value, str) and value.strip().lower() in ("false", "no", "off", "0")):
        raise Unfit(
            "would switch certificate checks off, and secrets would go to anyone",
            "Give a CA file, or leave `verify` out",
        )
    if value is True or (isinstance(value, str) and value.lower() == "true"):
        return True
    if not isinstance(value, str) or not value or not value.isprintable():
        raise Unfit("is neither true nor a path", "Give a CA file, or leave `verify` out")
    return value


def _moment(value: Any) -> datetime:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            raise Unfit("is no time", "Write it as 2026-11-24T09:00:00Z") from None
    if isinstance(value, date) and not isinstance(value, datetime):
        raise Unfit(f"{value} is a day, not a time", f"Write the time with its zone, e.g. {value}T09:00:00Z")
    if not isinstance(value, datetime):
        raise Unfit("is no time", "Write it as 2026-11-24T09:00:00Z")
    if value.tzinfo is None:
        raise Unfit(
            f"{value.isoformat()} has no time zone",
            f"Add it: {value.isoformat()}Z for UTC, or {value.isoformat()}+01:00",
        )
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise Unfit("is no time", "Write it as 2026-11-24T09:00:00Z") from None


Line = Annotated[str, AfterValidator(_line)]
Contact = Annotated[str, AfterValidator(_contact)]
Url = Annotated[str, AfterValidator(check_endpoint)]
#: A reference to a secret, as kind and value.
Given = Annotated[Any, AfterValidator(lambda value: None if value is None else parse(value))]
Scopes = Annotated[list[Annotated[str, AfterValidator(_scope)]], BeforeValidator(_words), AfterValidator(_some)]
Count = Annotated[int, Field(ge=1, le=2**53)]
Amount = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class FileShape(_Shape):
    """The top level; its parts are read one by one, so that a fault in one hides none in another."""

    title: Line | None = None
    provider: Line | None = None
    reference: str | None = None
    contact: Contact | None = None
    scopes: Scopes | None = None
    orgs: dict[str, Any] | None = None
    changes: list[Any] | None = None
    limits: dict[str, Any] | None = None
    watch: dict[str, Any] | None = None


class OrgShape(_Shape):
    """One org without its provider's keys; what must be there is checked once the provider has filled in its part."""

    token_url: Url | None = None
    issuer: Annotated[str, AfterValidator(check_issuer)] | None = None
    client_id: Annotated[str, AfterValidator(_client_id)] | None = None
    client_secret: Given = None
    client_key: Given = None
    client_key_id: Line | None = None
    client_key_alg: Line | None = None
    client_assertion_audience: Line | None = None
    client_certificate: Line | None = None
    client_certificate_key: Given = None
    auth_method: Annotated[str, _one_of(_METHODS, ())] = "client_secret_basic"
    grant_type: Annotated[str, _one_of(_GRANTS, _LATER_GRANTS)] = "client_credentials"
    scopes: Scopes | None = None
    verify: Annotated[Any, AfterValidator(_verify)] = True
    introspection_url: Url | None = None
    revocation_url: Url | None = None
    resource_url: Url | None = None
    authorization_url: Url | None = None
    redirect_uri: Annotated[str, AfterValidator(check_redirect)] | None = None
    label: Line | None = None
    contact: Line | None = None
    ticket: Line | None = None
    tags: Annotated[dict[str, Line], BeforeValidator(_tags)] = {}


class ChangeShape(_Shape):
    """When a grant was changed."""

    org: str
    scope: str
    at: Annotated[Any, AfterValidator(_moment)]


class LimitsShape(_Shape):
    """How hard the kit may ask; any positive value."""

    rate_per_s: Amount = 2.0
    concurrency: Count = 2
    timeout_s: Amount = 10.0
    attempts: Count = 3
    budget: Count = 40
    auth_tries: Count = 2


class WatchShape(_Shape):
    """For how long a change may spread, and how long it is followed."""

    window_s: Amount = 900.0
    for_s: Amount = 1800.0


class Shaped(NamedTuple):
    """What a mapping holds of a model: the model without the faulty keys, which are named in ``bad``."""

    model: Any
    bad: frozenset[str]
    findings: list[Finding]


def shape(
    model: type[_M], data: Mapping[str, Any], path: KeyPath, known: Collection[str] = (), provider: str = ""
) -> Shaped:
    """Read ``data`` as ``model``; every fault is a finding, and what is left without it is still read.

    Args:
        known: further keys to suggest for one that is unknown.
        provider: of the investigation, to say which other one knows a key.

    >>> shape(LimitsShape, {"rate": 3, "budget": 7}, ("limits",)).findings[0].fix
    'Did you mean `rate_per_s`?'
    """
    entries = {str(key): value for key, value in data.items()}
    try:
        return Shaped(model.model_validate(entries), frozenset(), [])
    except ValidationError as error:
        names = {*model.model_fields, *known}
        details: list[Any] = error.errors(include_url=False)
    findings = [_translated(each, path, names, provider) for each in details]
    bad = frozenset(str(each["loc"][0]) for each in details)
    left = {key: value for key, value in entries.items() if key not in bad}
    try:
        return Shaped(model.model_validate(left), bad, findings)
    except ValidationError:  # a required key is among the bad ones
        return Shaped(None, bad, findings)


def unknown_key(key: str, known: Collection[str], provider: str) -> tuple[str, str]:
    """What is wrong with a key that is not known here, and the fix.

    >>> unknown_key("token_ur", ["token_url"], "oauth2")
    ('the key `token_ur` is unknown', 'Did you mean `token_url`?')
    """
    name = shown_key(key)
    if key in LATER:
        return (
            f"`{key}` is not supported yet by this version",
            "Leave it out; give `token_url` where it stood for a URL",
        )
    others = providers.knowing(key) if provider else []
    if others:
        return (
            f"`{key}` means nothing to the provider {provider}, only to {', '.join(others)}",
            f"Set `provider: {others[0]}`, or remove it",
        )
    close = difflib.get_close_matches(key, known, 1, 0.7) or [
        each for each in sorted(known) if len(key) > 2 and each.startswith(key)
    ]
    if close:
        return f"the key `{name}` is unknown", f"Did you mean `{close[0]}`?"
    if is_secretive(key):
        return (
            f"the key `{name}` is unknown (its value is not shown)",
            "Give a secret by reference: `client_secret: {env: NAME}`",
        )
    if provider and key in FileShape.model_fields:
        return f"the key `{name}` is unknown in an org", "Move it to the top of the file"
    return f"the key `{name}` is unknown", f"Known here: {', '.join(sorted(known))}"


_EXPECTED = {
    "string_type": "text",
    "list_type": "a list",
    "dict_type": "a mapping",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "greater_than": "a number above 0",
    "greater_than_equal": "a whole number, 1 or more",
    "less_than_equal": "a smaller number",
}


def _translated(error: Mapping[str, Any], path: KeyPath, known: Collection[str], provider: str) -> Finding:
    where = (*path, *(each if isinstance(each, int) else str(each) for each in error["loc"]))
    kind = error["type"]
    if kind == "extra_forbidden":
        return Finding(where, *unknown_key(str(where[-1]), known, provider))
    if kind == "missing":
        return Finding(path, f"`{where[-1]}` is missing", f"Add `{where[-1]}`")
    if kind == "value_error" and isinstance(unfit := error.get("ctx", {}).get("error"), Unfit):
        return Finding(where, unfit.what, unfit.fix)
    expected = _EXPECTED.get(kind, "another value")
    quotes = expected == "text" and isinstance(error["input"], int | float | date)
    return Finding(
        where, f"is {_kind(error['input'])}, not {expected}", "Put it in quotes" if quotes else f"Write {expected}"
    )


def _kind(value: Any) -> str:
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value) if math.isfinite(value) and abs(value) < 1e18 else "a number out of range"
    names = ((str, "text"), (list, "a list"), (Mapping, "a mapping"), (date, "a date"))
    return next((name for each, name in names if isinstance(value, each)), "something else")
