"""The commands of ``orgscope``: their options and help. What they do is imported when they are called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .. import __version__
from .terminal import as_status, out, prepare

__all__ = ["app", "main"]

_EPILOG = """\b
Exit status: 0 done, and every org works; 1 some org fails; 2 wrong usage or
file; 3 interrupted or incomplete, can be resumed; 4 our own network is at
fault; 70 a fault of the program.

Results go to standard output, everything else to standard error.
"""

app = typer.Typer(
    name="orgscope",
    help="Why does this OAuth scope work in one org and fail in another?",
    epilog=_EPILOG,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help: half the time to show it
    pretty_exceptions_enable=False,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

File = Annotated[Path, typer.Argument(metavar="FILE", help="An investigation file (YAML).", show_default=False)]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Where run folders go.")]
_RUNS = Path("runs")


def _version(wanted: bool) -> None:
    if wanted:
        out(f"orgscope {__version__}")
        raise typer.Exit


@app.callback()
def _orgscope(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


@app.command()
@as_status
def demo(folder: Out = _RUNS) -> int:
    """Play the story on a simulated server: run, diagnosis, report."""
    from .commands import playing

    return playing.demo(folder)


@app.command()
@as_status
def check(file: File) -> int:
    """Validate a file; list which secret would go to which host.

    Sends nothing.
    """
    from .commands import checking

    return checking.check(file)


@app.command()
@as_status
def plan(file: File) -> int:
    """Say what a run would send at most, and where.

    Hosts, secrets, the most requests, minutes and tokens. Sends nothing.
    """
    from .commands import checking

    return checking.plan(file)


@app.command()
@as_status
def run(
    file: File,
    folder: Out = _RUNS,
    resume: Annotated[
        str | None, typer.Option(metavar="RUN", help="Go on with this interrupted run (path or id).")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="ORG,…", help="Ask these orgs alone; may be repeated.")
    ] = None,
    skip_incomplete: Annotated[
        bool, typer.Option("--skip-incomplete", help="Leave out orgs whose secret is missing.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print diagnosis.json and nothing else.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before the first run of a file.")] = False,
) -> int:
    """Ask every org; say why each fails, and who must act.

    Prints the diagnosis, and the run folder's path alone on the last line. Ctrl-C stops it cleanly; --resume goes on.
    """
    from .commands import running

    names = tuple(name.strip() for each in only or () for name in each.split(",") if name.strip())
    if only and not names:
        raise typer.BadParameter("name at least one org", param_hint="--only")
    return running.run(running.Wanted(file, folder, resume, names, skip_incomplete, json, yes))


@app.command()
@as_status
def report(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's path or id.", show_default=False)],
    folder: Out = _RUNS,
) -> int:
    """Write the report of a run afresh, and print its path."""
    from .commands import running

    return running.report(run, folder)


@app.command()
@as_status
def explain(
    file: Annotated[str, typer.Argument(metavar="[FILE|-]", help="A file, or - for standard input.")] = "-",
    provider: Annotated[str | None, typer.Option(metavar="NAME", help="Whose words they are.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> int:
    """Say what a pasted error leaves open, who acts, and what to check.

    Takes an error body, a log line, curl -v output or an SDK trace. Secrets are redacted as they are read.
    """
    from .commands import reading

    return reading.explain(file, provider, json)


@app.command("import")
@as_status
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE.har", help="A recording (HAR).", show_default=False)],
    folder: Out = _RUNS,
    provider: Annotated[str, typer.Option(metavar="NAME", help="Whose answers they are.")] = "oauth2",
    json: Annotated[bool, typer.Option("--json", help="Print diagnosis.json and nothing else.")] = False,
) -> int:
    """Make a run from a browser's or API client's recording.

    Sends nothing. The run folder holds a redacted copy of the recording.
    """
    from .commands import reading

    return reading.import_har(file, folder, provider, json)


@app.command()
@as_status
def sandbox(
    scenario: Annotated[
        str, typer.Option(metavar="FILE", help="A scenario file, or the name of a shipped one.")
    ] = "story",
    port: Annotated[
        int, typer.Option(min=0, max=65535, metavar="N", help="Port of 127.0.0.1; 0 takes a free one.")
    ] = 0,
    listed: Annotated[bool, typer.Option("--list", help="List the shipped scenarios.")] = False,
) -> int:
    """Serve simulated orgs with known faults, on this machine.

    Prints the investigation file to run on it. Ctrl-C ends it.
    """
    from .commands import playing

    return playing.scenarios() if listed else playing.sandbox(scenario, port)


@app.command()
@as_status
def lab(
    extra: Annotated[
        list[str] | None, typer.Argument(metavar="-- ARGS", help="Passed on to JupyterLab.", show_default=False)
    ] = None,
    no_sandbox: Annotated[bool, typer.Option("--no-sandbox", help="Start no sandbox beside it.")] = False,
) -> int:
    """Open JupyterLab on the notebooks, with a sandbox beside it.

    On this machine only. What stands after -- is passed on to JupyterLab.
    """
    from .commands import lab as opening

    return opening.lab(extra or (), with_sandbox=not no_sandbox)


def main() -> None:
    """The entry point ``orgscope``."""
    prepare()
    app(prog_name="orgscope")


if __name__ == "__main__":
    main()
