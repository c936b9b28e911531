"""The accounts that the ACS has made (TR-181 Users.User, TR-098 User): who may log in at the web configuration.

They open nothing else: connection requests take the pair of their own settings alone (TR-069 3.2.2).
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from harness.cwmp.datatypes import parse_boolean
from harness.cwmp.messages import SetParameterValuesFault

if TYPE_CHECKING:
    from reference_cpe.model import Model

_TABLES: Final = ("Users.User.", "User.")
"""Below Device: and below InternetGatewayDevice:."""


def admits(model: Model, user: str, password: str) -> bool:
    """Whether an enabled account has this name and password; one without either admits nobody."""
    found = False
    for row in _rows(model):
        name, word = (model.raw(model.parameters[row + field]) for field in ("Username", "Password"))
        # Every account is compared, so that the time taken tells nothing of which name was right.
        same = same_text(user, name) & same_text(password, word)
        found |= same and bool(name and word) and _enabled(model, row, {})
    return found


def same_text(given: str, wanted: str) -> bool:
    """Equality in a time that tells nothing of where two texts differ."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode("utf-8", "replace"))


def nameless(model: Model, wanted: Mapping[str, str]) -> list[SetParameterValuesFault]:
    """Which of the *wanted* values would enable an account without a name (TR-181: it MUST NOT be empty)."""
    found = []
    for row in _rows(model):
        touched = [row + field for field in ("Enable", "Username") if row + field in wanted]
        if not touched or not _enabled(model, row, wanted):
            continue
        name = wanted.get(row + "Username")
        if not (model.raw(model.parameters[row + "Username"]) if name is None else name):
            text = "an enabled account has a name"
            found += [SetParameterValuesFault(path, 9007, text) for path in touched]
    return found


def _rows(model: Model) -> Iterator[str]:
    for table in _TABLES:
        for row in model.rows(model.definition.stem + table):
            if all(row + field in model.parameters for field in ("Enable", "Username", "Password")):
                yield row


def _enabled(model: Model, row: str, wanted: Mapping[str, str]) -> bool:
    path = row + "Enable"
    return parse_boolean(wanted[path] if path in wanted else model.raw(model.parameters[path]))
