"""The causes a diagnosis can name (DESIGN §7), who acts on each, and what is advised.

Sentences are templates; ``{org}``, ``{scopes}``, ``{client}``, ``{endpoint}`` and ``{org_id}`` are filled in by the verdict.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["CAUSES", "Category", "Cause", "Who", "cause"]

Category = Literal["none", "access", "context", "credential", "timing", "transport", "unknown"]
Who = Literal["customer_admin", "us", "platform", "wait", "nobody", "unknown"]


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause.

    Attributes:
        title: the cause in words, as the end of the sentence "In this org …".
        advice: what the one who acts should do. next_check: the one answer that would confirm or overturn the verdict.
    """

    name: str
    category: Category
    who: Who
    title: str
    advice: str
    next_check: str

    @property
    def names_scopes(self) -> bool:
        """Whether a verdict of this cause lists missing scopes."""
        return self.category in ("access", "timing")


_ALL = (
    Cause(
        "works", "none", "nobody",
        "every scope asked for is granted",
        "Nothing to do.",
        "Run the same investigation again when the integration changes.",
    ),
    Cause(
        "not_asked", "none", "us",
        "nothing was asked",
        "Give the missing secret and run this org again.",
        "Run again without leaving {org} out.",
    ),
    Cause(
        "scope_not_granted", "access", "customer_admin",
        "the client lacks a grant",
        "Grant {scopes} to client {client} in {org} itself: a clone does not carry the toggle over, and a grant in another org does not count here.",
        "After the grant, run again: the request for {scopes} alone must succeed.",
    ),
    Cause(
        "scope_unknown", "access", "us",
        "the server does not know a scope",
        "Correct the spelling of {scopes}, or drop it: the server at {endpoint} says that it does not exist.",
        "Compare {scopes} with the platform's list of scopes, letter by letter.",
    ),
    Cause(
        "scope_not_applicable", "access", "us",
        "the scope has no meaning for this grant",
        "Do not ask for {scopes} with this grant type: the platform decides access in another way here (roles, for instance).",
        "Inspect the token: what it may do is not what its scopes say.",
    ),
    Cause(
        "permission_missing", "access", "customer_admin",
        "the client's roles lack a permission",
        "Give client {client} in {org} a role that holds {scopes}.",
        "Call the resource again with a new token.",
    ),
    Cause(
        "grant_not_allowed", "access", "customer_admin",
        "the client may not use this grant type",
        "Allow the grant type that is asked for on client {client} in {org}.",
        "Look at the allowed grant types of client {client}; then run again.",
    ),
    Cause(
        "wrong_org_context", "context", "us",
        "the token is bound to another org",
        "Send the org's own id with each token request (`org_id` of {org} in the investigation and in the integration), and check with a token inspection that it took effect.",
        "Inspect a token asked for with the right org id: its organization must be {org}'s.",
    ),
    Cause(
        "credentials_of_another_org", "context", "us",
        "the client id and secret belong to another org",
        "Use the client that was made in {org}, with its own secret, in place of {client}.",
        "Look {client} up in the admin consoles of both orgs: it must exist in {org}.",
    ),
    Cause(
        "integration_per_org", "context", "us",
        "the integration is per org, and one client is used for several",
        "Register the integration as global, or give {org} a client of its own: {client} is accepted in its own org only.",
        "Look at the integration's type in the platform's developer console: global or per org.",
    ),
    Cause(
        "unknown_client", "credential", "us",
        "the server does not know the client id",
        "Check the client id {client}: it was deleted, mistyped, or made in another org or region.",
        "Look {client} up in the admin console of {org}.",
    ),
    Cause(
        "wrong_secret", "credential", "us",
        "the client secret is wrong",
        "Replace the secret of {client}: it was rotated, cut off when copied, or belongs to another client.",
        "Make a new secret for {client} in {org}, store it under the same reference, and run again.",
    ),
    Cause(
        "client_rejected", "credential", "us",
        "the server rejects the client and does not say why",
        "Check that client {client} exists in {org}, is enabled, and that the secret is its current one: the server answers alike in all three cases.",
        "Look {client} up in the admin console of {org}: does it exist there, and is it enabled? If so, renew its secret.",
    ),
    Cause(
        "auth_method_mismatch", "credential", "us",
        "the server wants the credentials presented in another way",
        "Set `auth_method` of {org} to the one that worked, in the investigation and in the integration.",
        "Compare with the authentication method registered for {client}.",
    ),
    Cause(
        "secret_encoding", "credential", "us",
        "the secret is encoded in a way that this server does not expect",
        "The secret holds characters that RFC 6749 wants percent-encoded in Basic, and this server reads them otherwise: use the encoding that worked, send the secret in the body, or renew the secret without them.",
        "Renew the secret until it holds only letters and digits, and run again.",
    ),
    Cause(
        "redirect_uri_mismatch", "credential", "us",
        "the redirect URI is not the registered one",
        "Register the redirect URI of the integration on client {client} in {org}, letter by letter, or send the registered one.",
        "Compare the redirect URI with the manifest, down to the trailing slash.",
    ),
    Cause(
        "propagating", "timing", "wait",
        "a grant was changed and has not arrived yet",
        "Wait until the promised window has passed, then run again.",
        "Ask for {scopes} alone again when the window ends.",
    ),
    Cause(
        "propagation_overdue", "timing", "platform",
        "a grant was changed, and the promised window has passed without it",
        "Have the admin check that the grant of {scopes} was saved for client {client} in {org}; if it was, open a ticket with the platform and name the correlation ids.",
        "Look at the grant in the admin console of {org}, switch it off and on again, and watch it.",
    ),
    Cause(
        "replicas_disagree", "timing", "platform",
        "the same request is answered in two ways",
        "Open a ticket with the platform: its servers disagree about {scopes}. Name the correlation ids of both answers.",
        "Ask for {scopes} alone on several new connections: the answers should agree.",
    ),
    Cause(
        "wrong_endpoint", "transport", "us",
        "there is no token endpoint at this address",
        "Correct the token URL of {org}: {endpoint} does not answer as a token endpoint.",
        "Compare {endpoint} with the platform's documentation, path and org included.",
    ),
    Cause(
        "wrong_region", "transport", "us",
        "the org lives in another region",
        "Use the host of the region in which {org} lives.",
        "Look at the address bar of the admin console of {org}: its domain names the region.",
    ),
    Cause(
        "tls_untrusted", "transport", "us",
        "the server's certificate is not trusted",
        "Give the CA file of {endpoint} as `verify`, or renew the server's certificate; never switch the check off.",
        "Look at the certificate's issuer: the platform's, or a proxy's?",
    ),
    Cause(
        "unreachable", "transport", "us",
        "the server cannot be reached",
        "Check the host and port of {endpoint}, then name resolution, firewall and proxy.",
        "Open {endpoint} from another network.",
    ),
    Cause(
        "server_error", "transport", "platform",
        "the server fails",
        "Wait and run again; if it lasts, open a ticket with the platform and name the correlation ids.",
        "Look at the platform's status page, then run again.",
    ),
    Cause(
        "rate_limited", "transport", "us",
        "the server limits the rate",
        "Lower `limits.rate_per_s`, and run again after the time that the server names.",
        "Run this org alone (`--only {org}`) later.",
    ),
    Cause(
        "our_network", "transport", "us",
        "every host fails alike, so the fault is on our side",
        "Check our own network, proxy, VPN and trust store: all hosts fail in the same way at once.",
        "Open one of the token URLs from another network.",
    ),
    Cause(
        "inconclusive", "unknown", "unknown",
        "the answers leave more than one cause",
        "Settle the next check; until then nobody can be asked to act.",
        "See the runners-up.",
    ),
)  # fmt: skip

#: Every cause by its name.
CAUSES: dict[str, Cause] = {each.name: each for each in _ALL}


def cause(name: str) -> Cause:
    """The cause of that name.

    >>> cause("scope_not_granted").who
    'customer_admin'

    Raises:
        KeyError: no such cause.
    """
    return CAUSES[name]
