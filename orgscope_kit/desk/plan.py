"""What a run would do at most, before anything is sent."""

from __future__ import annotations

from dataclasses import dataclass

from ..ask.evidence import host_of
from ..ask.spec import Spec
from ..providers import named
from ..records import Org

__all__ = ["HostPlan", "Plan"]


@dataclass(frozen=True, slots=True)
class HostPlan:
    """What one ``host:port`` may see.

    Attributes:
        references: of the secrets that are presented there. requests: at most. minutes: that these take at the set
            rate.
    """

    host: str
    orgs: tuple[str, ...]
    references: tuple[str, ...]
    requests: int
    minutes: float


@dataclass(frozen=True, slots=True)
class Plan:
    """Hosts and the most that each may see.

    Attributes:
        tokens: the most that may be minted.
        revoked_in: orgs whose tokens are revoked after use. issuers: orgs whose issuer's metadata may add to them.
    """

    title: str
    hosts: tuple[HostPlan, ...]
    requests: int
    minutes: float
    tokens: int
    usual: tuple[int, int]
    revoked_in: int = 0
    issuers: int = 0

    @classmethod
    def of(cls, spec: Spec) -> Plan:
        """The plan of an investigation."""
        orgs_at: dict[str, list[Org]] = {}
        for org in spec.orgs:
            for host in _hosts(org):
                orgs_at.setdefault(host, []).append(org)
        hosts = []
        for host, orgs in orgs_at.items():
            references = dict.fromkeys(str(spec.secrets[org.name]) for org in orgs if org.name in spec.secrets)
            requests = spec.limits.budget * len(orgs)
            minutes = requests / spec.limits.rate_per_s / 60
            hosts.append(HostPlan(host, tuple(org.name for org in orgs), tuple(references), requests, minutes))
        most = spec.limits.budget * len(spec.orgs)
        usual = (len(spec.orgs) * 2, sum(_usual(org) for org in spec.orgs))
        revoked = sum(1 for org in spec.orgs if named(org.provider).revocation(org) is not None)
        longest = max((each.minutes for each in hosts), default=0.0)
        return cls(
            spec.title, tuple(hosts), most, longest, most, usual, revoked, sum(1 for org in spec.orgs if org.issuer)
        )

    def as_text(self) -> str:
        """For people."""
        lines = [self.title, ""]
        for each in self.hosts:
            names = ", ".join(each.orgs[:6]) + (", …" if len(each.orgs) > 6 else "")
            lines.append(f"{each.host}: {len(each.orgs)} org{'s' * (len(each.orgs) != 1)} ({names})")
            lines += [f"  {reference} → {each.host}" for reference in each.references]
            lines.append(f"  at most {each.requests} requests, {each.minutes:.1f} minutes at the set rate")
        lines += [
            "",
            f"At most {self.requests} requests and {self.tokens} tokens minted; "
            f"{self.usual[0]} to {self.usual[1]} requests are usual.",
            f"{self.ends} Nothing was sent.",
        ]
        return "\n".join(lines)

    @property
    def ends(self) -> str:
        """What becomes of the tokens."""
        orgs = len({org for each in self.hosts for org in each.orgs})
        found = " Where an issuer's metadata name a way to revoke, it is used too." if self.issuers else ""
        if not self.revoked_in:
            return f"Every token that is minted lives until it expires.{found}"
        if self.revoked_in == orgs:
            return "Every token is revoked after use, by one more request each."
        some = f"The tokens of {self.revoked_in} of {orgs} orgs are revoked after use, by one more request each"
        return f"{some}; the others live until they expire.{found}"

    def __repr__(self) -> str:
        return self.as_text()


def _hosts(org: Org) -> list[str]:
    urls = [org.token_url, *(how.url for how in named(org.provider).inspections(org))]
    revocation = named(org.provider).revocation(org)
    urls += [each for each in (org.issuer, revocation and revocation.url) if each]
    if org.redirect_uri and org.authorization_url:
        urls.append(org.authorization_url)
    return list(dict.fromkeys(host_of(url) for url in urls))


def _usual(org: Org) -> int:
    """Requests of an org in which a few scopes are missing: baseline, search, verification, control, context."""
    return 6 + 2 * min(len(org.scopes), 6)
