"""The rules, one for each family of causes. Each looks at a case and gives a verdict or leaves it to the next."""

from __future__ import annotations

from .access import access
from .context import context
from .credential import credential
from .redirect import with_redirect
from .rest import open_question
from .rights import rights
from .transport import transport
from .wording import manners

__all__ = ["access", "context", "credential", "manners", "open_question", "rights", "transport", "with_redirect"]
