"""What a schema cannot say of a scenario file: the parts that must agree with each other.

Works on the mapping as read, so that these problems are reported together with those of the schema.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from orgscope_kit.errors import Problem, ScenarioError, capped

__all__ = ["PLACEHOLDER", "cross_check", "explain_invalid", "scenario_error"]

#: ``{base}``, ``{now}``, ``{now-300s}``; ``{org}`` belongs to the investigation file itself (DESIGN §3, fleets).
PLACEHOLDER = re.compile(r"\{(?:(?P<base>base)|now(?:(?P<sign>[+-])(?P<seconds>\d+)s)?)\}")
_BRACED = re.compile(r"\{[^{}]*\}")


def scenario_error(problems: list[Problem]) -> ScenarioError:
    """All of ``problems`` as one error.

    >>> print(scenario_error([Problem("a.yaml: orgs", "no org is named", "Name at least one.")]))
    1 problem in the scenario:
      a.yaml: orgs: no org is named. Name at least one.
    """
    count = f"{len(problems)} problem" + ("s" if len(problems) != 1 else "")
    return ScenarioError("\n  ".join([f"{count} in the scenario:", *capped(list(map(str, problems)))]))


def explain_invalid(error: ValidationError, place: str) -> list[Problem]:
    """The problems that the schema found; values are left out, since a secret may be among them."""
    problems = []
    for found in error.errors(include_input=False, include_url=False):
        key = ".".join(str(part) for part in found["loc"])
        what, fix = _in_words(found["type"], found["msg"], found.get("ctx", {}))
        problems.append(Problem(f"{place}: {key}", what, fix))
    return problems


def _in_words(kind: str, message: str, context: Mapping[str, Any]) -> tuple[str, str]:
    match kind:
        case "extra_forbidden":
            return "this key is not known", "Remove it, or correct its spelling."
        case "missing":
            return "this key is missing", "Add it."
        case "literal_error":
            return "this value is not known", f"Use {context['expected']}."
        case _:
            return message.removeprefix("Value error, "), "Correct the value."


def cross_check(raw: Mapping[str, Any], place: str) -> list[Problem]:
    """Every disagreement between the parts of the scenario ``raw``."""
    checks = (_home, _identities, _replicas, _truth, _secret_references, _placeholders)
    return [Problem(f"{place}: {key}", what, fix) for check in checks for key, what, fix in check(raw)]


_Found = Iterator[tuple[str, str, str]]


def _home(raw: Mapping[str, Any]) -> _Found:
    home, orgs = _mapping(raw, "integration").get("home"), _mapping(raw, "orgs")
    if home is not None and home not in orgs:
        yield "integration.home", f"{home!r} is not among the orgs", f"Use one of: {', '.join(map(str, orgs))}."


def _identities(raw: Mapping[str, Any]) -> _Found:
    orgs = {name: _mapping(_mapping(raw, "orgs"), name) for name in _mapping(raw, "orgs")}
    if "orgs" in raw and not orgs:
        yield "orgs", "no org is named", "Name at least one."
    org_ids = Counter(str(org["org_id"]) for org in orgs.values() if "org_id" in org)
    client_ids = Counter(str(_mapping(org, "client")["id"]) for org in orgs.values() if "id" in _mapping(org, "client"))
    for org_id, count in org_ids.items():
        if count > 1:
            yield "orgs", f"{count} orgs have the org_id {org_id!r}", "Give each its own."
    for client_id, count in client_ids.items():
        if count > 1:
            yield "orgs", f"{count} orgs have the client id {client_id!r}", "Give each its own, or leave `client` out."


def _replicas(raw: Mapping[str, Any]) -> _Found:
    for name in _mapping(raw, "orgs"):
        org = _mapping(_mapping(raw, "orgs"), name)
        replicas, delays = org.get("replicas", 1), org.get("delays_s", [])
        if not isinstance(replicas, int):
            continue
        if isinstance(delays, list | tuple) and delays and len(delays) != replicas:
            what = f"{len(delays)} delays for {replicas} replicas"
            yield f"orgs.{name}.delays_s", what, "Give one delay for each replica, or none."
        for scope, lacking in _mapping(org, "flapping").items():
            beyond = [n for n in lacking if isinstance(n, int) and not 0 <= n < replicas] if _is_list(lacking) else []
            if beyond:
                what = f"replica {beyond[0]} does not exist"
                yield f"orgs.{name}.flapping.{scope}", what, f"Count from 0 to {replicas - 1}."


def _truth(raw: Mapping[str, Any]) -> _Found:
    truth, asked = _mapping(raw, "truth"), _mapping(_mapping(raw, "investigation"), "orgs")
    if "investigation" in raw and not asked:
        yield "investigation.orgs", "no org is investigated", "Name at least one."
    for name in asked:
        if name not in truth:
            yield f"truth.{name}", "the truth of this org is missing", "Add its `cause` and `scopes`."
    for name in truth:
        if name not in asked:
            yield (
                f"truth.{name}",
                "the investigation has no such org",
                "Remove it, or add the org to the investigation.",
            )


def _secret_references(raw: Mapping[str, Any]) -> _Found:
    held, asked = _mapping(raw, "secrets"), _mapping(_mapping(raw, "investigation"), "orgs")
    for name in asked:
        key = f"investigation.orgs.{name}.client_secret"
        reference = _mapping(asked, name).get("client_secret")
        if reference is not None and not isinstance(reference, Mapping):
            yield key, "this is a literal secret", "Write `{dotenv: NAME}` and put the value under `secrets`."
        elif isinstance(reference, Mapping) and "dotenv" in reference and reference["dotenv"] not in held:
            what = f"{reference['dotenv']} is not among the secrets"
            yield key, what, "Add it under `secrets`."


def _placeholders(raw: Mapping[str, Any]) -> _Found:
    for key, text in _texts(raw.get("investigation"), "investigation"):
        for braced in _BRACED.findall(text):
            if braced != "{org}" and not PLACEHOLDER.fullmatch(braced):
                yield key, f"the placeholder {braced} is not known", "Use {base}, {now} or {now-300s}."


def _texts(value: Any, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _texts(inner, f"{key}.{name}")
    elif _is_list(value):
        for number, inner in enumerate(value):
            yield from _texts(inner, f"{key}.{number}")


def _mapping(raw: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The mapping under ``key``, or an empty one where the schema will complain."""
    inner = raw.get(key)
    return inner if isinstance(inner, Mapping) else {}


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)
