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
    parts.model.set(message.parameter_list, message.parameter_key)
    return SetParameterValuesResponse(0)


def get_parameter_values(parts: Parts, message: GetParameterValues) -> GetParameterValuesResponse:
    return GetParameterValuesResponse(parts.model.values(message.parameter_names))


def get_parameter_names(parts: Parts, message: GetParameterNames) -> GetParameterNamesResponse:
    return GetParameterNamesResponse(parts.model.names(message.parameter_path, message.next_level))
