"""The scenario file: orgs, clients, grants and faults whose truth is known, and the investigation that meets them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveInt, ValidationError

from orgscope_kit.errors import Problem
from orgscope_kit.scopes import is_scope
from orgscope_kit.simulator.checks import cross_check, explain_invalid, scenario_error

__all__ = [
    "AuthMethod", "Client", "Encoding", "Faults", "GrantChange", "Integration", "Limited", "OrgScenario", "Role",
    "Scenario", "ServerStyle", "Truth", "load", "parse", "shipped",
]  # fmt: skip

AuthMethod = Literal["client_secret_basic", "client_secret_post"]
Encoding = Literal["percent", "raw", "any"]


def _scope_token(value: str) -> str:
    if not is_scope(value):
        raise ValueError("not a scope-token of RFC 6749 §3.3")
    return value


ScopeToken = Annotated[str, AfterValidator(_scope_token)]
Scopes = tuple[ScopeToken, ...]
Permission = Annotated[str, Field(pattern=r"^[^:\s]+:[^:\s]+:[^:\s]+$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class ServerStyle(_Part):
    """How the server answers, the same for every org. Each knob was seen on some real server (FACTS).

    Attributes:
        client_errors: tell unknown client and wrong secret apart, say one text for both, or an empty 403.
        without_org_id: bind to the home org, or refuse with ``invalid_request``.
        ignores_org_id: bind every token to the home org, whatever is sent.
        ungranted: refuse the whole request, or grant the rest (RFC 6749 §5.1 allows it).
        names: which scopes the refusal's text singles out: the first offender, all of them, none, or the whole request.
        states_scope: when a success holds ``scope``. A grant of nothing never does: the grammar has no empty scope.
        unknown: treat an unknown scope like an ungranted one, say that it is unknown, or drop it in silence.
        no_scope: a request without ``scope`` gets everything granted, or is refused.
        tokens_me: whether ``/api/v2/tokens/me`` exists.
        expires_in_s: lifetime of a token; the default is Genesys Cloud's.
        wrong_secret_status: of ``genesys``, whose other client errors are 400; records disagree on this one.

    ``genesys`` minds ``client_errors``, ``wrong_secret_status`` and ``expires_in_s`` only.
    """

    dialect: Literal["appfoundry", "genesys"] = "appfoundry"
    client_errors: Literal["distinct", "same", "empty"] = "distinct"
    without_org_id: Literal["home", "refuse"] = "home"
    ignores_org_id: bool = False
    ungranted: Literal["refuse", "narrow"] = "refuse"
    names: Literal["first", "all", "none", "echo"] = "first"
    states_scope: Literal["always", "when_narrowed", "never"] = "always"
    unknown: Literal["like_ungranted", "say", "drop"] = "like_ungranted"
    no_scope: Literal["all", "refuse"] = "all"
    tokens_me: bool = True
    expires_in_s: PositiveInt = 86400
    wrong_secret_status: Literal[400, 401] = 400


class Integration(_Part):
    """Whether one client serves every org (``global``) or each client only its own; ``home`` is the developer's org."""

    kind: Literal["global", "per-org"] = "global"
    home: str


class Client(_Part):
    """An OAuth client as the server knows it; ``secret`` is the server's truth, not what the analyst holds.

    Attributes:
        encoding: how the server reads Basic: ``percent`` decodes (RFC 6749 §2.3.1), ``raw`` does not, ``any`` takes
            both; by default ``percent``, and ``any`` in the dialect ``genesys``.
        granted: replaces the org's grants when this client asks in its own org.
    """

    id: str
    secret: str = Field(repr=False)
    auth_methods: tuple[AuthMethod, ...] = ("client_secret_basic", "client_secret_post")
    encoding: Encoding | None = None
    grants: tuple[str, ...] = ("client_credentials",)
    granted: Scopes | None = None
    disabled: bool = False
    redirect_uris: tuple[str, ...] = ()


class Limited(_Part):
    """A rate limit: for the ``first`` requests, or for ever; by default in the form that the dialect has for it."""

    first: PositiveInt | None = None
    retry_after_s: Annotated[int, Field(ge=0)] | None = 1
    as_: Literal[429, 400] | None = Field(None, alias="as")


class Faults(_Part):
    """What goes wrong at the token endpoint for one org.

    Attributes:
        first: the requests that it meets; concerns all but latency, ``slow_body_s`` and ``limited``.
        latency_ms: real milliseconds before the answer, plus up to ``jitter_ms`` drawn with the scenario's seed.
        reset: the connection ends with a TCP reset, without an answer.
        truncated: the body stops half way. not_json: a gateway's HTML page with status 200. empty: 200 without a body.
        slow_body_s: real seconds between the halves of the body.
        api_limited: a rate limit of ``genesys`` behind the token endpoint, at ``/api/v2``; counted apart.
    """

    latency_ms: NonNegativeFloat = 0
    jitter_ms: NonNegativeFloat = 0
    first: PositiveInt | None = None
    status: Literal[500, 502, 503, 504] | None = None
    reset: bool = False
    truncated: bool = False
    not_json: bool = False
    empty: bool = False
    slow_body_s: NonNegativeFloat = 0
    limited: Limited | None = None
    api_limited: Limited | None = None


class GrantChange(_Part):
    """A grant changed ``ago_s`` scenario seconds before the sandbox starts; it still has to reach the replicas."""

    scope: ScopeToken
    granted: bool = True
    ago_s: NonNegativeFloat = 0


class Role(_Part):
    """A role of ``genesys``: permissions as ``domain:entity:action``, where ``*`` stands for any."""

    name: str
    permissions: tuple[Permission, ...] = ()


class OrgScenario(_Part):
    """One org of the server.

    Attributes:
        granted: scopes granted in this org's context.
        client: the org's own client; an org may have none.
        replicas: servers behind the endpoint; ``delays_s``: scenario seconds until a change reaches each of them.
        balanced: a replica is picked for each connection, or for each token request; in turn, either way.
        flapping: scope → replicas that never grant it, whatever is changed.
        changes: grants changed before the start.
        roles: of ``genesys``: what the org's client carries, and whoever signs in here. Changes may name permissions.
        enforce_scopes: of ``genesys``: calls with a signed-in user's token need a scope beside the permission.
        ip_allowlisted: of ``genesys``: whether the org's client may ask from the analyst's address.
        authorized: of ``genesys``: how this org stands to clients of other orgs.
    """

    org_id: str
    granted: Scopes = ()
    client: Client | None = None
    replicas: PositiveInt = 1
    delays_s: tuple[NonNegativeFloat, ...] = ()
    balanced: Literal["connection", "request"] = "connection"
    flapping: dict[ScopeToken, tuple[int, ...]] = {}
    changes: tuple[GrantChange, ...] = ()
    faults: Faults = Faults()
    roles: tuple[Role, ...] = ()
    enforce_scopes: bool = False
    ip_allowlisted: bool = True
    authorized: Literal["Unauthorized", "Requested", "Authorized", "Revoked"] = "Unauthorized"


class Truth(_Part):
    """The cause (DESIGN §7) that a diagnosis of this org should name, and the scopes it should prove missing."""

    cause: str
    scopes: Scopes = ()


class Scenario(_Part):
    """A simulated server, the analyst's file about it, what the analyst holds, and the truth.

    Attributes:
        story: a paragraph for people.
        investigation: DESIGN §3, with ``{base}`` for the sandbox's URL and ``{now}``, ``{now-300s}`` for times.
        secrets: name → value for the analyst's ``.env``; may differ from the server's truth on purpose.
        known_scopes: scopes that exist; by default all that are granted anywhere or asked for by the investigation.
        time_scale: how many scenario seconds pass in a real one; concerns propagation only.
    """

    title: str
    story: str
    seed: int = 0
    time_scale: float = Field(1.0, gt=0)
    server: ServerStyle = ServerStyle()
    integration: Integration
    orgs: dict[str, OrgScenario]
    known_scopes: Scopes | None = None
    investigation: dict[str, Any]
    secrets: dict[str, str] = Field({}, repr=False)
    truth: dict[str, Truth]

    def client(self, client_id: str) -> tuple[str, Client] | None:
        """The client with that id, and the name of the org it belongs to."""
        for name, org in self.orgs.items():
            if org.client is not None and org.client.id == client_id:
                return name, org.client
        return None

    def org_named(self, org_id: str) -> str | None:
        """The name of the org with that id."""
        return next((name for name, org in self.orgs.items() if org.org_id == org_id), None)


def shipped() -> list[str]:
    """The names of the scenarios that come with the kit; ``story`` first.

    >>> shipped()[0]
    'story'
    """
    files = resources.files("orgscope_kit.simulator").joinpath("scenarios").iterdir()
    names = sorted(file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml"))
    return sorted(names, key=lambda name: name != "story")


def load(path_or_name: str | Path) -> Scenario:
    """The scenario of a file, or one of [`shipped`][orgscope_kit.simulator.scenario.shipped] by its name.

    Raises:
        ScenarioError: with every problem of the file, not just the first.
    """
    if isinstance(path_or_name, str) and path_or_name in shipped():
        source = resources.files("orgscope_kit.simulator").joinpath("scenarios", f"{path_or_name}.yaml")
        return parse(_read_yaml(source.read_text("utf-8"), source.name), source.name)
    path = Path(path_or_name)
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        fix = f"Give the path of a scenario file, or one of: {', '.join(shipped())}."
        raise scenario_error([Problem(str(path_or_name), f"no scenario can be read here ({reason})", fix)]) from None
    return parse(_read_yaml(text, path.name), path.name)


def parse(raw: Any, place: str = "scenario") -> Scenario:
    """The scenario in ``raw``, as YAML or a program made it; ``place`` names it in the problems."""
    if not isinstance(raw, Mapping):
        raise scenario_error([Problem(place, "this is not a mapping", "Write `title:`, `orgs:` and so on.")])
    crossed = cross_check(raw, place)
    try:
        scenario = Scenario.model_validate(raw)
    except ValidationError as error:
        raise scenario_error([*explain_invalid(error, place), *crossed]) from None
    if crossed:
        raise scenario_error(crossed)
    return scenario


def _read_yaml(text: str, place: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{place}: line {mark.line + 1}" if mark else place
        what = getattr(error, "problem", None) or "unreadable"
        raise scenario_error([Problem(where, f"this is not YAML ({what})", "Correct the syntax.")]) from None
