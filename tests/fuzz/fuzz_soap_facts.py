"""A device for generator tests: a few parameters of every kind, some safe, some not."""

from __future__ import annotations

from harness.fuzz.facts import DeviceFacts, ObjectFact, ParameterFact

_INFO = "Device.DeviceInfo."
_BOX = "Device.X_EXAMPLE_Sandbox."
RPCS = (
    "GetRPCMethods", "GetParameterValues", "SetParameterValues", "GetParameterNames", "GetParameterAttributes",
    "SetParameterAttributes", "AddObject", "DeleteObject", "Reboot", "FactoryReset", "Download", "Upload", "ScheduleInform",
)  # fmt: skip


def _safe(name: str, type_: str, value: str) -> ParameterFact:
    return ParameterFact(name, type_, value, writable=True, safe=True)


def device(*, destructive: bool = False) -> DeviceFacts:
    return DeviceFacts(
        parameters=(
            ParameterFact(f"{_INFO}SoftwareVersion"),
            ParameterFact(f"{_INFO}UpTime", "xsd:unsignedInt", "7"),
            _safe(f"{_INFO}ProvisioningCode", "xsd:string", "code"),
            _safe(f"{_BOX}Flag", "xsd:boolean", "false"),
            _safe(f"{_BOX}Number", "xsd:int", "3"),
            _safe(f"{_BOX}Unsigned", "xsd:unsignedInt", "3"),
            _safe(f"{_BOX}Moment", "xsd:dateTime", "2026-01-01T00:00:00Z"),
            _safe(f"{_BOX}Octets", "soapenc:base64", "AAAA"),
            ParameterFact("Device.ManagementServer.URL", writable=True),
            ParameterFact("Device.WiFi.Radio.1.Enable", "xsd:boolean", "true", writable=True),
        ),
        objects=(
            ObjectFact("Device."),
            ObjectFact(_INFO),
            ObjectFact("Device.WiFi.Radio.", writable=True),
            ObjectFact(f"{_BOX}Item.", writable=True, safe=True),
        ),
        rpcs=RPCS,
        destructive=destructive,
    )
