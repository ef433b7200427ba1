"""Authorization codes of the ``genesys`` dialect: RFC 6749 §4.1 with PKCE (RFC 7636), and refresh tokens."""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import secrets
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.responses import HTMLResponse, RedirectResponse, Response

from orgscope_kit import scopes
from orgscope_kit.simulator.calls import Authenticated, Call
from orgscope_kit.simulator.dialects.genesys_roles import is_permission
from orgscope_kit.simulator.dialects.genesys_words import refuse
from orgscope_kit.simulator.dialects.token_words import NO_STORE
from orgscope_kit.simulator.state import State

__all__ = ["USER", "Bound", "CodeGrants"]

#: Who signs in at the sandbox: there is one user, with the roles of the org that is signed in to.
USER = "sandbox-user"
_CODE_LIFETIME_S = 300.0
_PAGE = """<!doctype html><html lang="en"><title>Sandbox log in</title><h1>Sandbox log in</h1>
<p>A simulation: the redirect URI is registered. Nobody is asked for a password here.</p>
<form method="post">{fields}<button>Log in as {user}</button></form></html>"""
_REFUSED_PAGE = """<!doctype html><html lang="en"><title>Sandbox log in</title>
<h1>An administrator of {org} must authorize this application</h1><p>A simulation: its state is {state}.</p></html>"""


@dataclass(frozen=True, slots=True)
class Bound:
    """What a code or a refresh token stands for."""

    client_id: str
    org: str
    scope: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Code:
    bound: Bound
    redirect_uri: str
    challenge: str | None
    expires_s: float


class CodeGrants:
    """Hands out codes and refresh tokens and takes each once."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._scenario = state.scenario
        self._codes: dict[str, _Code] = {}
        self._refresh: dict[str, Bound] = {}

    def authorize(self, call: Call) -> Response:
        """The log-in page; its button posts the same parameters here, which redirects with a code.

        RFC 6749 §4.1.2.1: an unknown client or redirect URI is told to the user, never redirected to.
        """
        params = call.params
        known = self._scenario.client(params.get("client_id", ""))
        if known is None:
            refuse(400, "invalid_request", "client_id is missing or not known")
        if params.get("redirect_uri") not in known[1].redirect_uris:
            refuse(400, "invalid_request", "redirect_uri does not match the client's registered redirect URIs")
        if call.method == "GET":
            fields = [f'<input type="hidden" name="{_safe(key)}" value="{_safe(params[key])}">' for key in params]
            return HTMLResponse(_PAGE.format(fields="".join(fields), user=USER), headers=NO_STORE)
        sender = Authenticated(*known)
        org = self.org_entered(call) if "org" in params else sender.org
        if org is None:
            refuse(400, "invalid_request", "org is not known")
        setting = self._scenario.orgs[org]
        # What the platform says here is unconfirmed; its help speaks of a permissions error for the user.
        if org != sender.org and setting.authorized != "Authorized":
            return HTMLResponse(_REFUSED_PAGE.format(org=_safe(org), state=setting.authorized), 403, NO_STORE)
        return self._redirect(call, sender, org)

    def org_entered(self, call: Call) -> str | None:
        """The org that the call wants to sign in to, by its name or its id."""
        named = call.params.get("org", "")
        return named if named in self._scenario.orgs else self._scenario.org_named(named)

    def _redirect(self, call: Call, sender: Authenticated, org: str) -> Response:
        params = call.params
        answer = {"state": params["state"]} if "state" in params else {}
        if "authorization_code" not in sender.client.grants:
            answer["error"] = "unauthorized_client"
        elif params.get("response_type") != "code":
            answer["error"] = "unsupported_response_type"
        elif "code_challenge" in params and params.get("code_challenge_method") != "S256":
            answer["error"] = "invalid_request"
        else:
            answer["code"] = secrets.token_urlsafe(24)
            self._codes[answer["code"]] = _Code(
                bound=Bound(sender.client.id, org, self._narrowed(call, sender, org)),
                redirect_uri=params["redirect_uri"],
                challenge=params.get("code_challenge"),
                expires_s=self._state.clock() + _CODE_LIFETIME_S,
            )
        joint = "&" if "?" in params["redirect_uri"] else "?"
        return RedirectResponse(params["redirect_uri"] + joint + urlencode(answer), 302, NO_STORE)

    def public_client(self, call: Call) -> Authenticated | None:
        """The client that redeems a code with PKCE instead of a secret."""
        redeems = call.params.get("grant_type") == "authorization_code" and "code_verifier" in call.params
        known = self._scenario.client(call.params.get("client_id", ""))
        if not redeems or "authorization" in call.headers or "client_secret" in call.params or known is None:
            return None
        return None if known[1].disabled else Authenticated(*known)

    def redeem(self, call: Call, sender: Authenticated) -> Bound:
        """What the code of the call stands for; a code works once, even where the rest of the call is wrong."""
        code = self._codes.pop(call.params.get("code", ""), None)
        if code is None or code.expires_s <= self._state.clock() or code.bound.client_id != sender.client.id:
            refuse(400, "invalid_grant", "the authorization code is not valid")
        if call.params.get("redirect_uri") != code.redirect_uri:
            refuse(400, "invalid_grant", "redirect_uri does not match the authorization request")
        verifier = call.params.get("code_verifier")  # what stands in for a secret must not be left to chance
        if (verifier, code.challenge) != (None, None) and not _verifies(verifier or "", code.challenge or ""):
            refuse(400, "invalid_grant", "code_verifier does not match the code challenge")
        return code.bound

    def refresh(self, call: Call, sender: Authenticated) -> Bound:
        """What the refresh token of the call stands for; it is used up."""
        bound = self._refresh.get(call.params.get("refresh_token", ""))
        if bound is None or bound.client_id != sender.client.id:
            refuse(400, "invalid_grant", "the refresh token is not valid")
        del self._refresh[call.params["refresh_token"]]
        return bound

    def keep(self, bound: Bound) -> str:
        """A new refresh token."""
        text = secrets.token_urlsafe(48)
        self._refresh[text] = bound
        return text

    def _narrowed(self, call: Call, sender: Authenticated, org: str) -> tuple[str, ...]:
        """The scopes asked for, or all; as far as the client has them, and the org it is used in allows them."""
        replica = self._state.grants.replica(org, call.connection)
        allowed = [name for name in self._state.grants.granted(org, replica, sender.client) if not is_permission(name)]
        if org != sender.org and sender.client.granted is not None:
            allowed = [name for name in allowed if name in sender.client.granted]
        if "scope" not in call.params:
            return tuple(allowed)
        return tuple(name for name in scopes.split(call.params["scope"]) if name in allowed)


def _safe(text: str) -> str:
    return html.escape(text, quote=True)


def _verifies(verifier: str, challenge: str) -> bool:
    """RFC 7636 §4.6, method S256."""
    digest = hashlib.sha256(verifier.encode("ascii", "replace")).digest()
    return hmac.compare_digest(base64.urlsafe_b64encode(digest).rstrip(b"="), challenge.encode())
