"""What single codes and phrases of the platforms speak for, and the reason given with each cause."""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["ENTRA", "PHRASES", "WHY", "Odds"]

#: Weights of causes against each other, about 100 in sum.
Odds = Mapping[str, float]

#: Microsoft Entra ID's codes (its list of AADSTS error codes).
ENTRA: dict[str, Odds] = {
    "65001": {"scope_not_granted": 88, "propagating": 4, "credentials_of_another_org": 3},
    "650057": {"scope_not_granted": 80, "scope_unknown": 12},
    "65005": {"scope_not_granted": 80, "scope_unknown": 12},
    "70011": {"scope_unknown": 52, "scope_not_applicable": 38},
    "1002012": {"scope_not_applicable": 94},
    "500011": {"scope_unknown": 70, "wrong_org_context": 22},
    "700016": {"unknown_client": 66, "credentials_of_another_org": 26, "wrong_region": 3},
    "700027": {"wrong_secret": 85, "client_rejected": 8},
    "7000112": {"client_rejected": 95},
    "7000215": {"wrong_secret": 90, "credentials_of_another_org": 4},
    "7000222": {"wrong_secret": 95},
    "7000216": {"auth_method_mismatch": 90},
    "7000218": {"auth_method_mismatch": 90},
    "700025": {"auth_method_mismatch": 92},
    "50011": {"redirect_uri_mismatch": 95},
    "50105": {"permission_missing": 90},
    "90002": {"wrong_endpoint": 75, "wrong_region": 18},
    "900023": {"wrong_endpoint": 92},
    "90033": {"server_error": 92},
    "90013": {"server_error": 70},
    "700051": {"grant_not_allowed": 90},
    "700054": {"grant_not_allowed": 90},
    "70001": {"unknown_client": 75, "client_rejected": 15},
}

#: Wording of other platforms that their codes alone do not tell; searched in code and sentence, the first counts.
PHRASES: tuple[tuple[re.Pattern[str], Odds], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), odds)
    for pattern, odds in (
        (r"client.{0,20} not (been )?granted scopes?\b|need to create a \"?client-grant|no valid scopes? defined",
         {"scope_not_granted": 84, "scope_unknown": 5, "propagating": 6}),
        (r"missing\.(any\.)?permissions|missing the following permission|INSUFFICIENT_ACCESS"
         r"|do(es)? not have (the )?(required |necessary )?permission|E0000006",
         {"permission_missing": 86, "wrong_org_context": 5, "propagating": 4}),
        (r"\bnot\.authorized\b", {"permission_missing": 60, "scope_not_granted": 20, "wrong_org_context": 10}),
        (r"bad\.credentials", {"wrong_region": 30, "wrong_org_context": 20}),
        (r"redirect[_ ]?ur[il].{0,80}(mismatch|not registered|does not match|invalid|not (allowed|valid|whitelisted))"
         r"|(invalid|mismatch\w*) (parameter: )?redirect[_ ]?ur[il]|redirect_uri_mismatch|invalid_redirect_uri",
         {"redirect_uri_mismatch": 94}),
        (r"parameter organi[sz]ation is required|org_id (is )?(required|missing)|missing (parameter:? )?.?org_id",
         {"wrong_org_context": 93}),
        (r"(not|isn't) (authori[sz]ed|enabled|allowed|installed) (for|in) (the |this )?organi[sz]ation"
         r"|client is not (authori[sz]ed|part of) .{0,20}organi[sz]ation",
         {"integration_per_org": 42, "credentials_of_another_org": 40, "wrong_org_context": 10}),
        (r"not enabled to retrieve service account|no client credentials user enabled"
         r"|grant type.{0,60}not (allowed|supported|enabled)|not allowed to use.{0,30}grant|unsupported_grant_type",
         {"grant_not_allowed": 90, "wrong_endpoint": 3}),
        (r"request not supported on this domain|realm does not exist|unable to find matching target resource",
         {"wrong_endpoint": 92}),
        (r"service not found: ", {"scope_unknown": 70, "wrong_org_context": 20}),
        (r"(secret|password)\b.{0,60}\b(is |are )?(invalid|incorrect|wrong|expired|mismatch)|E0000004",
         {"wrong_secret": 84, "client_rejected": 8}),
        (r"(invalid|unknown|wrong) (value for )?.?client[_ ]?id"
         r"|client[_ ]?(id|identifier).{0,30}(invalid|unknown|not found)|invalid_client_id|client not found"
         r"|client authentication failed.{0,40}client not",
         {"unknown_client": 80, "wrong_region": 8, "credentials_of_another_org": 8}),
        (r"too\.many\.requests|REQUEST_LIMIT_EXCEEDED|E0000047|rate limit exceeded", {"rate_limited": 96}),
        (r"policy evaluation failed", {"grant_not_allowed": 45, "scope_not_granted": 40, "client_rejected": 6}),
    )
)  # fmt: skip

#: Why a cause is left open where no sentence of the text speaks for it.
WHY: dict[str, str] = {
    "scope_not_granted": "An ungranted scope is what such an answer is mostly about.",
    "scope_unknown": "The text does not show that the server knows the scope: a misspelt one is often refused alike.",
    "scope_not_applicable": "Some platforms decide access otherwise than by scopes for some grants.",
    "propagating": "One look cannot tell a grant that is missing from one that was made and has not arrived yet.",
    "wrong_org_context": "The text does not show which org the request was for.",
    "credentials_of_another_org": "The text does not show whose client asked: another org's lacks this org's grants.",
    "integration_per_org": "A client of a per-org integration is accepted in its own org only.",
    "permission_missing": "Roles can refuse where scopes do not.",
    "grant_not_allowed": "The client may not be allowed this grant type.",
    "unknown_client": "Many servers answer alike to an unknown client.",
    "wrong_secret": "Many servers answer alike to a wrong secret.",
    "client_rejected": "The answer does not tell a wrong secret from an unknown or disabled client.",
    "auth_method_mismatch": "Some servers refuse a good credential that is presented in another way than registered.",
    "redirect_uri_mismatch": "A code is refused, too, where the redirect URI is not the one it was issued for.",
    "wrong_region": "In another region the same client, or token, is unknown.",
    "wrong_endpoint": "A page or an API may have answered in place of the token endpoint.",
    "server_error": "The server itself may have failed.",
    "our_network": "If every other host fails alike, it is our own network.",
    "unreachable": "No answer came.",
    "replicas_disagree": "Servers of one platform can disagree for a while.",
    "works": "A token was issued.",
}
