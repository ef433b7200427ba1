"""What the server asks of a dialect: the words of one platform."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from starlette.responses import Response

from orgscope_kit.simulator.calls import Call

__all__ = ["Dialect", "Identity"]


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a call is about, as far as it says so itself."""

    client_id: str | None = None
    org: str | None = None
    scope: str | None = None


class Dialect(Protocol):
    """The words of one platform.

    Attributes:
        token_path: where tokens are asked for, and where faults strike.
        correlation_header: the header that carries a request's id on every answer.
    """

    token_path: str
    correlation_header: str

    def identify(self, call: Call) -> Identity:
        """Whom the call is about; proves nothing."""

    def answer(self, call: Call) -> Response:
        """The answer when nothing goes wrong."""

    def failed(self, call: Call, status: int) -> Response:
        """The platform's answer when it fails with a 5xx ``status``."""

    def limited(self, status: Literal[429, 400] | None, call: Call, retry_after_s: int | None) -> Response:
        """The platform's answer to a client that asks too often; in its own form, unless ``status`` says which."""
