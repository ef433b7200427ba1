"""A multi-org authorization server on loopback, with faults whose truth is known. It is a simulation."""

from orgscope_kit.sandbox.running import Sandbox
from orgscope_kit.sandbox.scenario import Scenario, load, parse, shipped
from orgscope_kit.sandbox.state import Received

__all__ = ["Received", "Sandbox", "Scenario", "load", "parse", "shipped"]
