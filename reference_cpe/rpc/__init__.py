"""The RPCs of the device, one short handler each: name of the method to handler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from harness.cwmp.messages import GetRPCMethods, GetRPCMethodsResponse
from reference_cpe.rpc import attributes, control, objects, parameters, queue, transfer

if TYPE_CHECKING:
    from reference_cpe.parts import Parts


def get_rpc_methods(parts: Parts, _message: GetRPCMethods) -> GetRPCMethodsResponse:
    """A.3.1.1: every method that has a handler."""
    return GetRPCMethodsResponse(tuple(parts.rpc))


HANDLERS: Final[dict[str, Any]] = {
    "GetRPCMethods": get_rpc_methods,
    "SetParameterValues": parameters.set_parameter_values,
    "GetParameterValues": parameters.get_parameter_values,
    "GetParameterNames": parameters.get_parameter_names,
    "SetParameterAttributes": attributes.set_parameter_attributes,
    "GetParameterAttributes": attributes.get_parameter_attributes,
    "AddObject": objects.add_object,
    "DeleteObject": objects.delete_object,
    "Download": transfer.download,
    "Reboot": control.reboot,
    "FactoryReset": control.factory_reset,
    "ScheduleInform": control.schedule_inform,
    "Upload": transfer.upload,
    "ScheduleDownload": transfer.schedule_download,
    "CancelTransfer": queue.cancel_transfer,
    "GetQueuedTransfers": queue.get_queued_transfers,
    "GetAllQueuedTransfers": queue.get_all_queued_transfers,
}

_LANCOM: Final = (
    "GetRPCMethods",
    "SetParameterValues",
    "GetParameterValues",
    "GetParameterNames",
    "FactoryReset",
    "Reboot",
    "Download",
)
"""What LCOS documents, but for its own X_LANCOM_DE_Command, whose arguments are not public."""

PROFILES: Final = {"full": HANDLERS, "lancom": {name: HANDLERS[name] for name in _LANCOM}}
"""The RPCs of each profile."""
