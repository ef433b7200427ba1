"""Each scenario of the sandbox is diagnosed as what it is, over real HTTP on loopback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orgscope_kit.desk.investigation import Investigation
from orgscope_kit.desk.run import Run
from orgscope_kit.desk.sandbox import RunningSandbox
from orgscope_kit.simulator import shipped


def run_of(scenario: str, out: Path) -> tuple[Run, RunningSandbox]:
    """The scenario's investigation, run as an analyst would."""
    with RunningSandbox(scenario) as box:
        return box.investigation.run_here(out=out), box


@pytest.mark.parametrize("scenario", shipped())
def test_scenario_is_diagnosed_as_what_it_is(scenario: str, tmp_path: Path) -> None:
    """Cause and scopes of every org are the scenario's truth."""
    run, box = run_of(scenario, tmp_path)
    expected = {org: (truth.cause, sorted(truth.scopes)) for org, truth in box.truth.items()}
    assert expected == {org: (verdict.cause, sorted(verdict.scopes)) for org, verdict in run.diagnosis.items()}


def test_story(tmp_path: Path) -> None:
    """The secondary org lacks one grant and nothing else; the other suspects are ruled out, each with its exchanges."""
    run, _ = run_of("story", tmp_path)
    verdict = run.diagnosis["secondary"]
    assert () == verdict.also
    excluded = {each.cause: each.exchanges for each in verdict.ruled_out}
    for cause in ("wrong_org_context", "credentials_of_another_org", "integration_per_org", "redirect_uri_mismatch"):
        assert excluded[cause], cause
    assert {"wrong_endpoint", "wrong_region", "wrong_secret", "scope_unknown", "grant_not_allowed"} <= set(excluded)
    assert {"propagating"} == {each.cause for each in verdict.runners_up}
    assert "customer_admin" == verdict.who


def test_genesys_tokens_are_ended(tmp_path: Path) -> None:
    """On Genesys Cloud every token is deleted after it was looked at, and the run counts that."""
    run, box = run_of("genesys-permission-missing", tmp_path)
    ended = [each for each in box.requests if each.method == "DELETE"]
    assert run.info["counts"]["tokens_minted"] == run.info["counts"]["tokens_revoked"] == len(ended) > 0


def test_story_is_marked_as_simulation(tmp_path: Path) -> None:
    """What the sandbox answered says so in run.json and in the report."""
    run, _ = run_of("story", tmp_path)
    assert True is json.loads((run.path / "run.json").read_text())["simulation"]
    assert "imulation" in (run.path / "report.html").read_text()


def test_report_tells_how_the_server_answers(tmp_path: Path) -> None:
    """What the answers have shown of the server's habits stands in the report, with the exchanges that show it."""
    run, _ = run_of("story", tmp_path)
    page = (run.path / "report.html").read_text()
    assert "How the servers answer" in page
    assert "grants none of what was asked" in page


def test_investigation_made_in_python_keeps_its_folder(tmp_path: Path) -> None:
    """A run of an investigation without a file opens again, its references looked up where they were."""
    with RunningSandbox("story") as box:
        given = box.investigation.spec
        made = Investigation(dict(given.frozen), folder=box.folder)
        for each in (made, made.only(["secondary"])):
            run = each.run_here(out=tmp_path)
            assert each.spec.secrets == Run.open(run.path).spec.secrets


def test_story_is_asked_politely(tmp_path: Path) -> None:
    """Few requests, no made-up scope where the reference settles it, and a User-Agent that names the kit."""
    _, box = run_of("story", tmp_path)
    assert len(box.requests) <= 12
    assert not [each for each in box.requests if "orgscope:control:none" in (each.scope or "")]
    assert all((each.user_agent or "").startswith("orgscope_kit/") for each in box.requests)


def test_run_folder_holds_what_the_contract_says(tmp_path: Path) -> None:
    """The folder has the files of DESIGN §5 and nothing else, under an id of UTC time and four hex digits."""
    run, _ = run_of("story", tmp_path)
    expected = {
        "run.json",
        "journal.sqlite",
        "observations.parquet",
        "observations.csv",
        "diagnosis.json",
        "report.html",
    }
    assert expected == {path.name for path in run.path.iterdir()}
    assert [run.path] == list(tmp_path.iterdir())


def test_mended_grant_works_on_the_second_run(tmp_path: Path) -> None:
    """After the grant is made, the same investigation says that the org works."""
    with RunningSandbox("story") as box:
        before = box.investigation.run_here(out=tmp_path)
        box.grant("secondary", "integration:appfoundry:manage")
        after = box.investigation.run_here(out=tmp_path)
    assert "scope_not_granted" == before.diagnosis["secondary"].cause
    assert "works" == after.diagnosis["secondary"].cause
    assert "missing" == before.matrix().loc["secondary", "integration:appfoundry:manage"]
    assert "granted" == after.matrix().loc["secondary", "integration:appfoundry:manage"]
