"""Which platform a text comes from, and on what ground that is said."""

from __future__ import annotations

import re

from .. import providers
from ..errors import OrgscopeError
from ..providers import OAuth2
from ..read.traces import Trace

__all__ = ["guess", "reader"]

_HOSTS = (
    ("entra", r"(?:^|\.)(?:login\.microsoftonline\.(?:com|us)|login\.partner\.microsoftonline\.cn|sts\.windows\.net)$"),
    ("okta", r"\.(?:okta|oktapreview|okta-emea|okta-gov)\.com$"),
    ("auth0", r"\.auth0(?:app)?\.com$"),
    ("salesforce", r"(?:^|\.)(?:salesforce|force)\.com$|\.salesforce\.mil$"),
    ("genesys", r"\.(?:mypurecloud\.(?:com|ie|de|jp|com\.au)|pure\.cloud|us-gov-pure\.cloud|eusc-pure\.cloud)$"),
)
_PATHS = (
    ("keycloak", r"/realms/[^/]{1,200}/protocol/openid-connect"),
    ("appfoundry", r"/api/v2/oauth/token$"),
    ("salesforce", r"/services/oauth2/"),
    ("okta", r"/oauth2/(?:[a-z0-9]{1,40}/)?v1/token$"),
)
_WORDS = (
    ("entra", r"AADSTS\d{4,8}|\bmsal\b|x-ms-request-id"),
    ("okta", r"\berrorSummary\b|\bE0{2,5}\d{2,5}\b|x-okta-request-id"),
    ("auth0", r"[Cc]lient has not been granted scopes|x-auth0-requestid|\"client-grant\"|manage\.auth0\.com"),
    ("salesforce", r"\bno valid scopes defined\b|INVALID_SESSION_ID|force\.com\b|sfdc"),
    ("keycloak", r"(?i)\bkeycloak\b|RESTEASY\d+|\bInvalid scopes: |Realm does not exist"),
    ("appfoundry", r"(?i)\bappfoundry\b"),
    ("genesys", r"(?i)PureCloud|mypurecloud|genesys|ININ-Correlation-Id|missing\.(?:any\.)?permissions|\"contextId\""),
)


def guess(trace: Trace, given: str | None) -> tuple[str, str]:
    """The platform, and why it is taken for that one.

    Raises:
        OrgscopeError: ``given`` is none that is known.
    """
    if given is not None:
        known = providers.names()
        if given not in known:
            raise OrgscopeError(f"provider: {given[:60]!r} is unknown. Use one of {', '.join(known)}.")
        return given, "it was given"
    for name, pattern in _HOSTS:
        if trace.host and re.search(pattern, trace.host):
            return name, f"the host {trace.host}"
    for name, pattern in _PATHS:
        if trace.path and re.search(pattern, trace.path):
            return name, f"the path {trace.path[:120]}"
    for name, pattern in _WORDS:
        if match := re.search(pattern, trace.text):
            return name, f"the wording “{match[0].strip()[:60]}”"
    return "oauth2", "nothing names a platform; read by the standard"


def reader(name: str) -> OAuth2:
    """The provider that reads the wording of ``name``."""
    return providers.named(name)
