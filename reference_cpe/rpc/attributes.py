"""SetParameterAttributes, GetParameterAttributes (TR-069 A.3.2.4, A.3.2.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.cwmp.messages import (
    GetParameterAttributes,
    GetParameterAttributesResponse,
    SetParameterAttributes,
    SetParameterAttributesResponse,
)

if TYPE_CHECKING:
    from reference_cpe.parts import Parts


def set_parameter_attributes(parts: Parts, message: SetParameterAttributes) -> SetParameterAttributesResponse:
    parts.attributes.set(message.parameter_list)
    return SetParameterAttributesResponse()


def get_parameter_attributes(parts: Parts, message: GetParameterAttributes) -> GetParameterAttributesResponse:
    return GetParameterAttributesResponse(parts.attributes.values(message.parameter_names))
