"""A diagnosis to hold: verdicts by org, with a rich repr."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..ask.spec import Spec
from ..records import Verdict

__all__ = ["Diagnosis"]


class Diagnosis(Mapping[str, Verdict]):
    """Why each org works or fails: a mapping from org to [`Verdict`][orgscope_kit.records.Verdict], as text or HTML."""

    def __init__(self, run_id: str, spec: Spec, verdicts: Mapping[str, Verdict]) -> None:
        self._run_id, self._spec, self._verdicts = run_id, spec, dict(verdicts)

    def __getitem__(self, org: str) -> Verdict:
        return self._verdicts[org]

    def __iter__(self) -> Iterator[str]:
        return iter(self._verdicts)

    def __len__(self) -> int:
        return len(self._verdicts)

    def as_json(self) -> dict[str, Any]:
        """The content of ``diagnosis.json`` (DESIGN §7)."""
        orgs = {name: verdict.as_json() for name, verdict in self._verdicts.items()}
        return {"schema": 1, "run": self._run_id, "investigation": self._spec.title, "orgs": orgs}

    def text(self) -> str:
        """The text of ``diagnosis.json``."""
        return json.dumps(self.as_json(), indent=1, ensure_ascii=False)

    def __repr__(self) -> str:
        from ..show.pieces import diagnosis_text

        return diagnosis_text(self.as_json(), self._clients)

    def _repr_html_(self) -> str:
        from ..show.pieces import diagnosis_html

        return diagnosis_html(self.as_json(), self._clients)

    @property
    def _clients(self) -> dict[str, str]:
        return {org.name: org.client_id for org in self._spec.orgs}
