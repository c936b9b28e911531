"""The settings in force as a script: the vendor configuration file that Upload sends.

Download takes it back. Passwords are left out, and what a script cannot say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reference_cpe.model_table import COMMENT
from reference_cpe.settings import SETTINGS

if TYPE_CHECKING:
    from reference_cpe.parts import Parts


def script(parts: Parts) -> bytes:
    lines = ["# settings of the reference CPE, without passwords"]
    for setting in SETTINGS.values():
        if setting.name and not setting.secret:
            lines.append(_line(f"/Setup/CWMP/{setting.name}", parts.settings.value(setting.key)))
    lines.append(_line("/Setup/Comment", parts.model.text(COMMENT)))
    return "".join(f"{line}\n" for line in lines).encode()


def _line(path: str, value: Any) -> str:
    if isinstance(value, bool):
        return f"set {path} {'yes' if value else 'no'}"
    text = str(value)
    if '"' in text:
        return f"# {path} holds a quotation mark and is left out"
    return f'set {path} "{text}"' if not text or not text.isalnum() else f"set {path} {text}"
