"""SetParameterValues, GetParameterValues, GetParameterNames (TR-069 A.3.2.1 to A.3.2.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.cwmp.messages import (
    GetParameterNames,
    GetParameterNamesResponse,
    GetParameterValues,
    GetParameterValuesResponse,
    SetParameterValues,
    SetParameterValuesResponse,
)

if TYPE_CHECKING:
    from reference_cpe.parts import Parts


def set_parameter_values(parts: Parts, message: SetParameterValues) -> SetParameterValuesResponse:
    """All or nothing; Status 0, as every value is in effect at once."""
    parts.aliases.set(message.parameter_list, message.parameter_key)
    return SetParameterValuesResponse(0)


def get_parameter_values(parts: Parts, message: GetParameterValues) -> GetParameterValuesResponse:
    names = tuple(map(parts.aliases.numbered, message.parameter_names))
    written = dict(zip(names, message.parameter_names, strict=True))
    return GetParameterValuesResponse(parts.aliases.renamed(parts.model.values(names), written))


def get_parameter_names(parts: Parts, message: GetParameterNames) -> GetParameterNamesResponse:
    path = parts.aliases.numbered(message.parameter_path)
    names = parts.model.names(path, message.next_level)
    return GetParameterNamesResponse(parts.aliases.renamed(names, {path: message.parameter_path}))
