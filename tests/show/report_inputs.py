"""Inputs of a report: the story, and a fleet."""

from __future__ import annotations

from typing import Any

import story

from orgscope_kit.read import observations, summary
from orgscope_kit.records import Org
from orgscope_kit.show.report import ReportInputs


def run(exchanges: int, minted: int, simulation: bool = True) -> dict[str, Any]:
    """The run as a report wants it."""
    return {
        "id": "20261124T101530Z-3f2a",
        "started_at": "2026-11-24T10:15:30Z",
        "ended_at": "2026-11-24T10:15:36Z",
        "state": "finished",
        "versions": {"orgscope_kit": "0.1.0", "python": "3.11"},
        "simulation": simulation,
        "counts": {"exchanges": exchanges, "tokens_minted": minted},
    }


def investigation(
    orgs: tuple[Org, ...], title: str = "Secondary org refuses integration:appfoundry:manage"
) -> dict[str, Any]:
    """The investigation as a report wants it."""
    held = [
        {
            "name": org.name,
            "label": org.label,
            "token_url": org.token_url,
            "client_id": org.client_id,
            "org_id": org.org_id,
            "ticket": org.ticket,
        }
        for org in orgs
    ]
    return {"title": title, "provider": "appfoundry", "reference": "primary", "orgs": held}


def story_inputs(**changes: Any) -> ReportInputs:
    """The report of the story."""
    held = story.exchanges()
    fields: dict[str, Any] = {
        "investigation": investigation(story.orgs()),
        "run": run(len(held), 4),
        "diagnosis": story.diagnosis(),
        "observations": observations.frame(held),
        "states": summary.matrix(story.orgs(), story.GRANTS),
        "marks": summary.marks(story.orgs(), story.GRANTS),
        "minted": (("primary", 2, 86400.0), ("secondary", 2, 86400.0)),
    }
    return ReportInputs(**{**fields, **changes})


def fleet_inputs(count: int = 500, each: int = 6) -> ReportInputs:
    """A report of ``count`` orgs: every third lacks the grant, every seventh has a wrong secret, the rest work."""
    orgs = tuple(
        Org(f"customer-{n:03d}", "appfoundry", "https://login.example/", f"client-{n:03d}", story.SCOPES)
        for n in range(count)
    )
    entries, grants, rows = {}, {}, []
    for number, org in enumerate(orgs):
        ids = range(number * each + 1, number * each + each + 1)
        rows += [story.refused(n, org.name) if n % 2 else story.exchange(n, org.name) for n in ids]
        grants[org.name] = story.GRANTS["secondary" if number % 3 == 0 else "primary"]
        if number % 3 == 0:
            entries[org.name] = {
                **story.secondary(),
                "evidence": [{"says": "Refused alone.", "exchanges": list(ids[:4])}],
            }
        elif number % 7 == 0:
            entries[org.name] = story.works(ids[0]) | {
                "cause": "wrong_secret",
                "who": "us",
                "advice": "Replace the secret.",
            }
        else:
            entries[org.name] = story.works(ids[0], ids[1])
    return ReportInputs(
        investigation(orgs, "Fleet"),
        run(len(rows), count * 3),
        {"schema": 1, "run": "r", "investigation": "Fleet", "orgs": entries},
        observations.frame(rows),
        summary.matrix(orgs, grants),
        summary.marks(orgs, grants),
        tuple((org.name, 3, 86400.0) for org in orgs),
    )
