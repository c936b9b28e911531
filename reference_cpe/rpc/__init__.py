"""The RPCs of the device, one short handler each: name of the method to handler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.cwmp.messages import GetRPCMethods, GetRPCMethodsResponse
from reference_cpe.rpc import control, parameters, transfer

if TYPE_CHECKING:
    from reference_cpe.parts import Parts


def get_rpc_methods(parts: Parts, _message: GetRPCMethods) -> GetRPCMethodsResponse:
    """A.3.1.1: every method that has a handler."""
    return GetRPCMethodsResponse(tuple(parts.rpc))


HANDLERS: dict[str, Any] = {
    "GetRPCMethods": get_rpc_methods,
    "SetParameterValues": parameters.set_parameter_values,
    "GetParameterValues": parameters.get_parameter_values,
    "GetParameterNames": parameters.get_parameter_names,
    "Download": transfer.download,
    "Reboot": control.reboot,
    "FactoryReset": control.factory_reset,
    "ScheduleInform": control.schedule_inform,
}
