"""A run to hold: what its folder keeps, as frames, figures, a diagnosis and a report."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..ask.evidence import Grant, grants, settled
from ..ask.metadata import Metadata, applied
from ..ask.rules import manners
from ..ask.spec import Spec, from_mapping
from ..ask.verdict import Facts, judge
from ..errors import RunFolderError
from ..records import Evidence, Exchange
from ..send.journal import Journal
from .diagnosis import Diagnosis
from .folder import Folder, find

if TYPE_CHECKING:
    import pandas as pd

    from ..show.figures import Picture
    from ..show.report import ReportInputs

__all__ = ["Plots", "Run"]

#: A report tells the manners of so many servers at the most.
_MOST_HOSTS = 40


class Run:
    """One execution of an investigation, read from its folder.

    Attributes:
        path: the run folder. id: its name. info: ``run.json``. spec: the investigation as run.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self.path, self.id = folder.path, folder.id
        self.info: dict[str, Any] = folder.info()
        self.spec = _discovered(_spec(self.info, folder), _metadata(self.info))

    @classmethod
    def open(cls, run: str | Path, out: str | Path = "runs") -> Run:
        """The run of this path or id.

        Raises:
            RunFolderError: there is none, or it is damaged.
        """
        return cls(find(run, Path(out)))

    @property
    def state(self) -> str:
        """``done``; ``interrupted``: some org is not settled; ``incomplete``: some org was left out; or ``running``.

        All but ``done`` can be resumed.
        """
        return str(self.info["state"])

    @property
    def exit_status(self) -> int:
        """As a command's (DESIGN §4): 0 every org works; 1 some fails; 3 not done; 4 our own network is at fault."""
        causes = {verdict.cause for verdict in self.diagnosis.values()}
        if self.state in ("interrupted", "running"):
            return 3
        if "our_network" in causes:
            return 4
        if self.state == "incomplete":
            return 3
        return 0 if causes <= {"works"} else 1

    @property
    def simulation(self) -> bool:
        """Whether a sandbox answered."""
        return bool(self.info.get("simulation"))

    @cached_property
    def exchanges(self) -> tuple[Exchange, ...]:
        """Every exchange, in the order of ids, from the journal."""
        journal = Journal(self._folder.journal, read_only=True)
        try:
            return tuple(journal.exchanges())
        finally:
            journal.close()

    @cached_property
    def by_org(self) -> dict[str, tuple[Exchange, ...]]:
        """The exchanges of each org."""
        rows: dict[str, list[Exchange]] = {org.name: [] for org in self.spec.orgs}
        for row in self.exchanges:
            rows.setdefault(row.org, []).append(row)
        return {name: tuple(each) for name, each in rows.items()}

    @cached_property
    def observations(self) -> pd.DataFrame:
        """One row a request (DESIGN §6); column order and dtypes as in ``read.observations``."""
        from ..read import observations

        return observations.frame(self.exchanges)

    @cached_property
    def diagnosis(self) -> Diagnosis:
        """Why each org works or fails."""
        return Diagnosis(self.id, self.spec, judge(self.spec.orgs, self.by_org, _facts(self.spec, self.info)))

    @property
    def verdicts(self) -> pd.DataFrame:
        """One row an org: ``org, cause, scopes`` (space-joined)``, who, probability, advice``."""
        import pandas as pd

        rows = [(org, v.cause, " ".join(v.scopes), v.who, v.probability, v.advice) for org, v in self.diagnosis.items()]
        frame = pd.DataFrame(rows, columns=["org", "cause", "scopes", "who", "probability", "advice"])
        return frame.astype("str").astype({"probability": "float64"})

    @property
    def evidence(self) -> pd.DataFrame:
        """A row a sentence: ``org, cause, kind`` (``evidence``, ``ruled_out``), ``says``, ``exchanges`` (ids)."""
        import pandas as pd

        rows = []
        for org, verdict in self.diagnosis.items():
            rows += [(org, verdict.cause, "evidence", each.says, each.exchanges) for each in verdict.evidence]
            rows += [(org, each.cause, "ruled_out", each.because, each.exchanges) for each in verdict.ruled_out]
        frame = pd.DataFrame(rows, columns=["org", "cause", "kind", "says", "exchanges"])
        return frame.assign(exchanges=[" ".join(map(str, ids)) for ids in frame["exchanges"]]).astype("str")

    @cached_property
    def grants(self) -> dict[str, dict[str, Grant]]:
        """What each org grants, by scope, with the exchanges that show it."""
        ledger = settled(self.spec.orgs, self.by_org)
        return {org.name: grants(org, self.by_org[org.name], ledger.style(org)) for org in self.spec.orgs}

    def matrix(self) -> pd.DataFrame:
        """Org by scope: ``granted``, ``missing``, ``unknown``; ``NA`` where the org does not ask. See ``marks``."""
        from ..read import summary

        return summary.matrix(self.spec.orgs, self._cells)

    def marks(self) -> pd.DataFrame:
        """As ``matrix``: whether each state was ``asked`` for or ``inferred``."""
        from ..read import summary

        return summary.marks(self.spec.orgs, self._cells)

    @cached_property
    def _cells(self) -> dict[str, dict[str, tuple[str, str]]]:
        return {
            org: {scope: (grant.state, grant.basis) for scope, grant in row.items()} for org, row in self.grants.items()
        }

    @property
    def plot(self) -> Plots:
        """Figures: ``run.plot.matrix()``, ``.latency()``, ``.timeline()``."""
        return Plots(self)

    def report(self) -> Path:
        """Write ``report.html`` into the run folder, and return its path."""
        from ..show import report

        self._folder.write(self._folder.report, report.render(self._report_inputs()))
        return self._folder.report

    def write(self) -> None:
        """Write what the folder holds beside the journal: frames, diagnosis, report."""
        from ..read import observations

        observations.write_parquet(self.observations, self._folder.parquet)
        observations.write_csv(self.observations, self._folder.csv)
        for path in (self._folder.parquet, self._folder.csv):
            path.chmod(0o600)
        self._folder.write(self._folder.diagnosis, self.diagnosis.text())
        self.report()

    def _report_inputs(self) -> ReportInputs:
        from ..show.report import ReportInputs

        names = ("name", "label", "token_url", "client_id", "org_id", "ticket")
        orgs = [{name: getattr(org, name) for name in names} for org in self.spec.orgs]
        investigation = {
            "title": self.spec.title,
            "provider": self.spec.provider,
            "reference": self.spec.reference,
            "orgs": orgs,
        }
        return ReportInputs(
            investigation,
            {**self.info, "id": self.id, "simulation": self.simulation, "tokens_live_until": self._live_until()},
            self.diagnosis.as_json(),
            self.observations, self.matrix(), self.marks(), self._minted(), self._manners(),
        )  # fmt: skip

    def _manners(self) -> tuple[tuple[str, list[Evidence]], ...]:
        told = ((host, manners(style)) for host, style in settled(self.spec.orgs, self.by_org).styles.items())
        return tuple((host, habits) for host, habits in told if habits)[:_MOST_HOSTS]

    def _minted(self) -> tuple[tuple[str, int, float | None], ...]:
        found = []
        for org, rows in self.by_org.items():
            tokens = [row for row in rows if row.outcome in ("granted", "narrowed") and row.purpose != "inspect"]
            lives = [row.expires_in_s for row in tokens if row.expires_in_s is not None]
            if tokens:
                found.append((org, len(tokens), max(lives, default=None)))
        return tuple(found)

    def _live_until(self) -> datetime | None:
        """When the last token of the run expires by itself; ``None`` where all are revoked, or no server says."""
        counts = self.info.get("counts", {})
        if counts.get("tokens_revoked", 0) >= counts.get("tokens_minted", 0):
            return None
        tokens = [row for row in self.exchanges if row.expires_in_s is not None and row.purpose != "inspect"]
        return max((row.sent_at + timedelta(seconds=min(row.expires_in_s or 0.0, 1e9)) for row in tokens), default=None)

    def __repr__(self) -> str:
        counts = f"{len(self.spec.orgs)} orgs, {len(self.exchanges)} exchanges"
        return f"Run {self.id} ({self.state}{', simulation' if self.simulation else ''}): {self.spec.title}; {counts}"


class Plots:
    """The figures of a run: matplotlib figures with alternative text, titled by the question that they answer."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def matrix(self) -> Picture:
        """Which org grants which scope?"""
        from ..show import figures

        return figures.matrix(self._run.matrix(), self._run.marks())

    def latency(self) -> Picture:
        """How long did the answers take?"""
        from ..show import figures

        return figures.latency(self._run.observations)

    def timeline(self) -> Picture:
        """What was answered when?"""
        from ..show import figures

        return figures.timeline(self._run.observations)


def _spec(info: dict[str, Any], folder: Folder) -> Spec:
    source = info.get("source")
    within = info.get("folder")
    draft = from_mapping(
        info["investigation"],
        source=Path(source) if source else None,
        folder=Path(within) if within else None,
        saved=True,
    )
    if draft.spec is None:
        said = "; ".join(str(problem) for problem in draft.problems if problem.severity == "error")
        raise RunFolderError(f"{folder.path / 'run.json'}: its investigation cannot be read: {said}")
    return draft.spec


def _facts(spec: Spec, info: dict[str, Any]) -> Facts:
    known = info.get("facts", {})
    return Facts(
        twins=tuple(tuple(group) for group in known.get("twins", ())),
        changes={(each.org, each.scope): each.at for each in sorted(spec.changes, key=lambda change: change.at)},
        window_s=spec.watch.window_s,
        skipped=frozenset(known.get("skipped", ())),
        ended_early=known.get("ended_early", {}),
        metadata=_metadata(info),
    )


def _metadata(info: dict[str, Any]) -> dict[str, Metadata]:
    """What the issuers said, by issuer."""
    kept = info.get("facts", {}).get("metadata", {})
    return {issuer: Metadata.of_json(each) for issuer, each in kept.items()}


def _discovered(spec: Spec, metadata: dict[str, Metadata]) -> Spec:
    """The investigation with the endpoints that were found; its frozen form stays as it was written."""
    return replace(spec, orgs=tuple(applied(org, metadata.get(org.issuer or "")) for org in spec.orgs))


def stamp(at: datetime) -> str:
    """A UTC time as ISO 8601, to the millisecond."""
    return at.isoformat(timespec="milliseconds")
