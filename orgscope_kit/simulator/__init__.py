"""A multi-org authorization server on loopback, with faults whose truth is known. It is a simulation."""

from orgscope_kit.simulator.running import Sandbox
from orgscope_kit.simulator.scenario import Scenario, load, parse, shipped
from orgscope_kit.simulator.state import Received

__all__ = ["Received", "Sandbox", "Scenario", "load", "parse", "shipped"]
