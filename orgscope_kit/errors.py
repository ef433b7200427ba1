"""What the kit raises.

```
OrgscopeError
├── InvestigationError     the investigation file is wrong; carries every problem found
├── CredentialError        a secret reference cannot be resolved; names the reference, never its content
├── ProviderError          the plug-in that an investigation names cannot be used
├── RunFolderError         a run folder is missing, damaged, or of another investigation
└── ScenarioError          a sandbox scenario file is wrong
```

A refused exchange is data (an [`Exchange`][orgscope_kit.records.Exchange]), never an exception.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = [
    "CredentialError",
    "InvestigationError",
    "OrgscopeError",
    "Problem",
    "ProviderError",
    "RunFolderError",
    "ScenarioError",
    "capped",
]

_SHOWN = 50


class OrgscopeError(Exception):
    """Any error of the kit; its text says where, what, and what to do."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a file.

    Attributes:
        place: file and key, e.g. ``"acme.yaml: orgs.secondary.token_url"``.
        what: what is wrong, with the offending value unless it is secret.
        fix: what to do about it.
        severity: an ``error`` stops the run; a ``warning`` is shown and does not.
    """

    place: str
    what: str
    fix: str
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        return f"{self.place}: {self.what}. {self.fix}"


class InvestigationError(OrgscopeError):
    """The investigation cannot run; ``problems`` holds everything found, not just the first.

    >>> print(InvestigationError([Problem("a.yaml: orgs", "no org is named", "Name at least one.")]))
    1 problem, nothing was sent:
      a.yaml: orgs: no org is named. Name at least one.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = f"{len(self.problems)} problem" + ("s" if len(self.problems) != 1 else "")
        super().__init__("\n  ".join([f"{count}, nothing was sent:", *capped(map(str, self.problems))]))


class CredentialError(OrgscopeError):
    """A secret reference cannot be resolved; ``reference`` is its text, e.g. ``env:PRIMARY_SECRET``."""

    def __init__(self, reference: str, what: str, fix: str) -> None:
        self.reference, self.what, self.fix = reference, what, fix
        super().__init__(f"{reference}: {what}. {fix}")


class ProviderError(OrgscopeError):
    """A provider from another package cannot be used; ``name`` is what the investigation calls it."""

    def __init__(self, name: str, what: str, fix: str) -> None:
        self.name, self.what, self.fix = name, what, fix
        super().__init__(f"provider: {name}: {what}. {fix}")


class RunFolderError(OrgscopeError):
    """A run folder cannot be read, written or resumed."""


class ScenarioError(OrgscopeError):
    """A sandbox scenario file is wrong."""


def capped(lines: Sequence[str] | map[str], most: int = _SHOWN) -> list[str]:
    """The first ``most`` lines, and how many more there are.

    >>> capped(["a", "b", "c"], most=2)
    ['a', 'b', '… and 1 more']
    """
    every = list(lines)
    hidden = len(every) - most
    return every if hidden <= 0 else [*every[:most], f"… and {hidden} more"]
