"""How each platform answers: one module each, found by the name in a scenario's ``server.dialect``."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from orgscope_kit.simulator.dialect import Dialect
from orgscope_kit.simulator.dialects.appfoundry import AppFoundry
from orgscope_kit.simulator.dialects.genesys import Genesys
from orgscope_kit.simulator.state import State

__all__ = ["DIALECTS"]

DIALECTS: Mapping[str, Callable[[State], Dialect]] = {"appfoundry": AppFoundry, "genesys": Genesys}
