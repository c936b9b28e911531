"""SetParameterAttributes, GetParameterAttributes (TR-069 A.3.2.4, A.3.2.5)."""

from __future__ import annotations

from dataclasses import replace
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
    numbered = parts.aliases.numbered
    parts.attributes.set([replace(item, name=numbered(item.name)) for item in message.parameter_list])
    return SetParameterAttributesResponse()


def get_parameter_attributes(parts: Parts, message: GetParameterAttributes) -> GetParameterAttributesResponse:
    names = tuple(map(parts.aliases.numbered, message.parameter_names))
    written = dict(zip(names, message.parameter_names, strict=True))
    return GetParameterAttributesResponse(parts.aliases.renamed(parts.attributes.values(names), written))
