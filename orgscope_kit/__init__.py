"""orgscope_kit: why does this OAuth scope work in one organisation and fail in another?

>>> import orgscope_kit as osk
>>> osk.load.__module__
'orgscope_kit.desk.investigation'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .desk.explain import explain
    from .desk.importing import import_har
    from .desk.investigation import Investigation, Stop, load
    from .desk.panel import panel
    from .desk.run import Run
    from .desk.sandbox import sandbox
    from .errors import CredentialError, InvestigationError, OrgscopeError, RunFolderError, ScenarioError

_WHERE = {
    "Investigation": "desk.investigation",
    "Stop": "desk.investigation",
    "load": "desk.investigation",
    "Run": "desk.run",
    "explain": "desk.explain",
    "import_har": "desk.importing",
    "panel": "desk.panel",
    "sandbox": "desk.sandbox",
    "CredentialError": "errors",
    "InvestigationError": "errors",
    "OrgscopeError": "errors",
    "RunFolderError": "errors",
    "ScenarioError": "errors",
}

__all__ = [
    "CredentialError",
    "Investigation",
    "InvestigationError",
    "OrgscopeError",
    "Run",
    "RunFolderError",
    "ScenarioError",
    "Stop",
    "__version__",
    "explain",
    "import_har",
    "load",
    "panel",
    "sandbox",
]


def __getattr__(name: str) -> Any:
    """Load a public name when it is first asked for: ``import orgscope_kit`` alone stays fast."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_WHERE[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
