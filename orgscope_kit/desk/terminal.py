"""The terminal: what goes to which stream, what an exit status means, how a stop is asked for."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import wraps
from pathlib import Path
from types import FrameType
from typing import ParamSpec

from ..errors import OrgscopeError, Problem, capped
from ..show.words import visible

__all__ = [
    "FAULT",
    "INCOMPLETE",
    "OK",
    "WRONG",
    "agreed",
    "as_status",
    "at_terminal",
    "near",
    "on_stop",
    "out",
    "out_bytes",
    "out_path",
    "prepare",
    "say",
    "terminates_like_ctrl_c",
    "warn",
    "watched",
]

OK, WRONG, INCOMPLETE, FAULT = 0, 2, 3, 70
_KIT = Path(__file__).resolve().parents[1]

P = ParamSpec("P")


def prepare() -> None:
    """UTF-8 on both streams, whatever the console's code page; a character that cannot be shown stops nothing."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="replace")


def near(path: Path) -> str:
    """The path as seen from the working directory, where it lies below it."""
    here, path = Path.cwd(), path.absolute()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def say(text: str) -> None:
    """For people, on standard error."""
    with suppress(OSError):  # nobody listens
        print(_harmless(text), file=sys.stderr, flush=True)


def out(text: str) -> None:
    """A result for people, on standard output."""
    out_bytes(_harmless(text).encode("utf-8", "replace") + b"\n")


def out_path(path: Path) -> None:
    """A path alone on its line, exactly as it is."""
    out_bytes(os.fsencode(near(path)) + b"\n")


def out_bytes(content: bytes) -> None:
    """A result as it is, on standard output; where its reader has gone (``| head``), in silence nowhere."""
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _harmless(text: str) -> str:
    """What files and servers wrote cannot move the cursor, nor turn the text around."""
    return "\n".join(map(visible, text.split("\n")))


def warn(problems: Sequence[Problem]) -> None:
    """Say what is worth a look."""
    warnings = [str(each) for each in problems if each.severity == "warning"]
    if warnings:
        count = f"{len(warnings)} warning{'s' * (len(warnings) != 1)}:"
        say("\n  ".join([count, *capped(warnings)]))


def watched() -> bool:
    """Whether a person may be reading standard error."""
    return sys.stderr.isatty()


def at_terminal() -> bool:
    """Whether a person can be asked."""
    return watched() and sys.stdin is not None and sys.stdin.isatty()


def agreed(question: str) -> bool:
    """Whether a person at the terminal says yes; Ctrl-C and the end of input are a no."""
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    try:
        return sys.stdin.readline().strip().lower() in ("y", "yes")
    except KeyboardInterrupt:
        say("")
        return False


def as_status(command: Callable[P, int]) -> Callable[P, None]:
    """A command that ends the program with the status it returns, or with that of the error it raises."""

    @wraps(command)
    def ended(*args: P.args, **kwargs: P.kwargs) -> None:
        import typer

        try:
            status = command(*args, **kwargs)
        except typer.BadParameter:
            raise
        except KeyboardInterrupt:
            say("Interrupted.")
            status = INCOMPLETE
        except Exception as error:
            status = _explain(error)
        raise typer.Exit(status)

    return ended


def _explain(error: Exception) -> int:
    """One message, without the values that were at hand: these may be secret."""
    if os.environ.get("ORGSCOPE_DEBUG"):
        traceback.print_exception(error)
    cause: BaseException = error
    while isinstance(cause, BaseExceptionGroup):
        cause = cause.exceptions[0]
    if isinstance(cause, OrgscopeError):
        say(str(cause))
        return WRONG
    safe = isinstance(cause, OSError) or type(cause).__module__ == "sqlite3"
    what = f"{type(cause).__name__}{f' ({cause})' if safe else ''}{_place(cause)}"
    say(f"orgscope failed: {what}. This is a fault of the program: please report it. ORGSCOPE_DEBUG=1 shows the trace.")
    return FAULT


def _place(error: BaseException) -> str:
    """Where in the kit it happened."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(_KIT)]
    return f" at {Path(frames[-1].filename).relative_to(_KIT).as_posix()}:{frames[-1].lineno}" if frames else ""


@contextmanager
def on_stop(stop: Callable[[], None]) -> Iterator[None]:
    """While the block lasts, the first Ctrl-C or SIGTERM calls ``stop``; a second one raises SystemExit.

    A signal that whoever started us had ignored (``nohup``, a job in the background) stays so.
    """
    asked = False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise SystemExit(INCOMPLETE)  # not KeyboardInterrupt, which would be awaited once more
        asked = True
        stop()

    before = {}
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) != signal.SIG_IGN:
            before[number] = signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def terminates_like_ctrl_c() -> None:
    """SIGTERM, and a terminal that closes, unwind what is open, as Ctrl-C does."""
    for name in ("SIGTERM", "SIGHUP"):  # Windows has no SIGHUP
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
