"""What the panel says, as HTML in which every value is escaped, whoever wrote it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import Problem, capped

if TYPE_CHECKING:
    from .plan import Plan
    from .run import Run

__all__ = ["STYLE", "failed", "head", "line", "planned", "results", "troubles"]

_MOST_REFERENCES, _MOST_ROWS, _MOST_PROBLEMS = 100, 60, 6
_COLUMNS = (
    "exchange_id", "org", "purpose", "scope_requested", "status", "outcome", "error", "total_ms", "correlation_id",
)  # fmt: skip

STYLE = """<style>
.osk-panel { color: var(--jp-ui-font-color1, #17212b); line-height: 1.5; max-width: 60rem; }
.osk-panel h3 { font-size: 1.1rem; margin: .3rem 0 0; }
.osk-panel p { margin: .2rem 0 .5rem; }
.osk-panel .quiet { color: var(--jp-ui-font-color2, #5b6773); }
.osk-panel .note { border-left: 5px solid #e69f00; padding: .3rem .8rem; }
.osk-panel .bad { border-left: 5px solid #c24a00; padding: .3rem .8rem; }
.osk-panel .bad p { margin: 0; overflow-wrap: anywhere; }
.osk-panel .scroll { max-height: 16rem; overflow: auto; }
.osk-panel table { border-collapse: collapse; margin: .2rem 0 .6rem; }
.osk-panel th, .osk-panel td { padding: .15rem .9rem .15rem 0; text-align: left; vertical-align: top; }
.osk-panel th, .osk-panel td { border-bottom: 1px solid var(--jp-border-color2, #d5dae0); }
.osk-panel code { font: .92em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.osk-panel summary { cursor: pointer; font-weight: 600; margin: .5rem 0; }
</style>"""

_HEAD = """<div class="osk-panel"><h3>{{ title }}</h3>
<p class="quiet">{{ orgs }} org{{ "s" if orgs != 1 }}, provider {{ provider }}{% if source %}, {{ source }}{% endif %}
</p></div>"""

_PLAN = """<div class="osk-panel"><b>What is sent, and where</b><div class="scroll"><table>
<thead><tr><th scope="col">Secret</th><th></th><th scope="col">Host</th></tr></thead><tbody>
{% for reference, host in pairs %}
<tr><td><code>{{ reference }}</code></td><td>→</td><td><code>{{ host }}</code></td></tr>
{% else %}<tr><td colspan="3">no secret is sent</td></tr>
{% endfor %}
{% if more %}<tr><td colspan="3" class="quiet">… and {{ more }} more</td></tr>{% endif %}
</tbody></table></div>
<p>{{ plan.usual[0] }} to {{ plan.usual[1] }} requests are usual, {{ plan.requests }} at most
({{ "%.1f" | format(plan.minutes) }} minutes at the set rate). Every success mints a token,
{{ plan.tokens }} at most. {{ plan.ends }}</p></div>"""

_TROUBLES = """<div class="osk-panel">
{% for kind, lines in said %}
<div class="{{ kind }}">{% for line in lines %}<p>{{ line }}</p>{% endfor %}</div>
{% endfor %}
</div>"""

_LINE = """<div class="osk-panel">{{ text }}</div>"""

_FAILED = """<div class="osk-panel bad" role="alert"><b>{{ what }}</b>
{% for line in lines %}<p>{{ line }}</p>{% endfor %}</div>"""

_RESULTS = """<div class="osk-panel">
{% if run.simulation %}
<p class="note">A simulation: the sandbox answered, its orgs, clients and secrets are made up.</p>
{% endif %}
{% if run.state in ("interrupted", "incomplete") %}
<p class="note"><b>{{ run.state | capitalize }}:</b> {{ left | length }} of {{ run.spec.orgs | length }} orgs are not
settled ({{ left | listed }}). Every answer is kept, and the diagnosis goes as far as they do. Press Run to ask again,
or go on where it stopped: <code>await osk.Investigation(panel.run.spec).run(resume=panel.run.path)</code>.</p>
{% endif %}
{{ diagnosis }}
{{ matrix }}
<details><summary>Latency</summary>{{ latency }}</details>
<details><summary>Timeline</summary>{{ timeline }}</details>
<details><summary>Exchanges ({{ total }})</summary><div class="scroll"><table>
<thead><tr>{% for name in columns %}<th scope="col">{{ name }}</th>{% endfor %}</tr></thead><tbody>
{% for row in rows %}<tr>{% for value in row %}<td>{{ value }}</td>{% endfor %}</tr>
{% endfor %}
</tbody></table></div>{% if total > rows | length %}<p class="quiet">The first {{ rows | length }}; all of them are in
<code>run.observations</code>.</p>{% endif %}</details>
<p>{{ total }} exchanges; {{ tokens }} token{{ "s were" if tokens != 1 else " was" }} minted,
{{ revoked }} revoked;
{{ "none lives on" if revoked >= tokens else "what is not revoked lives until it expires" }}.
Report: <code>{{ report }}</code></p>
</div>"""


def head(title: str, orgs: int, provider: str, source: str | None) -> str:
    """What is investigated."""
    return _filled(_HEAD, title=title, orgs=orgs, provider=provider, source=source)


def planned(plan: Plan) -> str:
    """Where each secret goes, and how much is asked at most."""
    pairs = [(reference, each.host) for each in plan.hosts for reference in each.references]
    more = max(0, len(pairs) - _MOST_REFERENCES)
    return _filled(_PLAN, pairs=pairs[:_MOST_REFERENCES], more=more, plan=plan)


def troubles(problems: Sequence[Problem]) -> str:
    """What stands in the way of a run, and what is worth a look; empty where there is neither."""
    errors = [str(each) for each in problems if each.severity == "error"]
    warnings = [str(each) for each in problems if each.severity != "error"]
    said = [(kind, capped(lines, _MOST_PROBLEMS)) for kind, lines in (("bad", errors), ("note", warnings)) if lines]
    return _filled(_TROUBLES, said=said) if said else ""


def line(text: str) -> str:
    """One line."""
    return _filled(_LINE, text=text)


def failed(what: str, error: BaseException) -> str:
    """A failure: what did not work, and what was said."""
    lines = f"{type(error).__name__}: {error}".splitlines()
    return _filled(_FAILED, what=what, lines=capped(lines, 2 * _MOST_PROBLEMS))


def results(run: Run) -> str:
    """Who must act, the figures, the exchanges, and where the report lies."""
    early: Mapping[str, Any] = run.info["facts"]["ended_early"]
    causes = {name: verdict.cause for name, verdict in run.diagnosis.items()}
    left = [name for name, cause in causes.items() if early.get(name) == "interrupted" or cause == "not_asked"]
    held = run.observations[list(_COLUMNS)].head(_MOST_ROWS).round({"total_ms": 1}).astype(object)
    return _filled(
        _RESULTS, run=run, left=left, total=len(run.observations), columns=_COLUMNS,
        rows=held.where(held.notna(), "").to_numpy().tolist(),
        diagnosis=_markup(run.diagnosis._repr_html_()), matrix=_markup(run.plot.matrix()._repr_html_()),
        latency=_markup(run.plot.latency()._repr_html_()), timeline=_markup(run.plot.timeline()._repr_html_()),
        tokens=run.info["counts"]["tokens_minted"], revoked=run.info["counts"].get("tokens_revoked", 0),
        report=str(run.path / "report.html"),
    )  # fmt: skip


def _markup(html: str) -> object:
    """HTML that this package made, and that is not to be escaped again."""
    from markupsafe import Markup

    return Markup(html)  # noqa: S704


def _filled(template: str, **values: object) -> str:
    from ..show.pieces import environment

    return environment().from_string(template).render(**values)
