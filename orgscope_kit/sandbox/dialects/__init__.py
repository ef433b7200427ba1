"""How each platform answers: one module each, found by the name in a scenario's ``server.dialect``."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from orgscope_kit.sandbox.dialect import Dialect
from orgscope_kit.sandbox.dialects.appfoundry import AppFoundry
from orgscope_kit.sandbox.dialects.genesys import Genesys
from orgscope_kit.sandbox.state import State

__all__ = ["DIALECTS"]

DIALECTS: Mapping[str, Callable[[State], Dialect]] = {"appfoundry": AppFoundry, "genesys": Genesys}
