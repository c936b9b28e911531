"""Fault codes, event codes and forced parameters against facts written down here by hand."""

import pytest

from harness.cwmp import events, faults, inform, schema


def test_all_standard_codes_are_there() -> None:
    assert sorted(faults.CPE_FAULTS) == list(range(9000, 9033))
    assert sorted(faults.ACS_FAULTS) == list(range(8000, 8007))


def test_exact_enumerations_of_the_schema() -> None:
    assert {9001, 9002, 9010, 9011, 9012, *range(9014, 9021)} == faults.TRANSFER_CODES
    assert {9001, 9003, 9012, 9013, 9015, 9016, 9017, 9018, *range(9022, 9033)} == faults.DU_CODES
    assert {9001, 9002, 9005, 9006, 9007, 9008} == faults.PARAMETER_CODES


@pytest.mark.parametrize(
    ("rpc", "codes"),
    [
        ("GetRPCMethods", {9001, 9002}),
        ("SetParameterValues", {9001, 9002, 9003, 9004}),
        ("GetParameterValues", {9001, 9002, 9003, 9004, 9005}),
        ("GetParameterNames", {9001, 9002, 9003, 9005}),
        ("SetParameterAttributes", {9001, 9002, 9003, 9004, 9005, 9009}),
        ("AddObject", {9001, 9002, 9003, 9004, 9005}),
        ("DeleteObject", {9001, 9002, 9003, 9005}),
        ("Download", {9000, 9001, 9002, 9003, 9004, 9010, 9012, 9013}),
        ("Reboot", {9001, 9002, 9003}),
        ("Upload", {9000, 9001, 9002, 9003, 9004, 9011, 9012, 9013}),
        ("FactoryReset", {9000, 9001, 9002, 9003}),
        ("CancelTransfer", {9000, 9001, 9021}),
        ("ChangeDUState", {9000, 9001, 9002, 9004}),
        ("NoSuchMethod", {9000}),
    ],
)
def test_who_may_answer_what(rpc: str, codes: set[int]) -> None:
    assert faults.allowed_answers(rpc) == codes
    assert faults.may_answer(rpc, 9800)
    assert not faults.may_answer(rpc, 9033)
    assert not faults.may_answer(rpc, 8001)


def test_columns_are_messages() -> None:
    assert set(schema.MESSAGES) >= faults.RPCS


def test_ranges() -> None:
    assert faults.is_cpe_code(9032)
    assert faults.is_cpe_code(9899)
    assert not any(map(faults.is_cpe_code, (0, 8000, 9033, 9799, 9900)))
    assert faults.is_acs_code(8006)
    assert not any(map(faults.is_acs_code, (8007, 9000)))
    assert faults.meaning(9850) == "vendor fault"
    assert faults.meaning(9500) == "reserved fault code"
    assert faults.meaning(1) == "no CWMP fault code"


CODES = [
    "0 BOOTSTRAP",
    "1 BOOT",
    "2 PERIODIC",
    "3 SCHEDULED",
    "4 VALUE CHANGE",
    "5 KICKED",
    "6 CONNECTION REQUEST",
    "7 TRANSFER COMPLETE",
    "8 DIAGNOSTICS COMPLETE",
    "9 REQUEST DOWNLOAD",
    "10 AUTONOMOUS TRANSFER COMPLETE",
    "11 DU STATE CHANGE COMPLETE",
    "12 AUTONOMOUS DU STATE CHANGE COMPLETE",
    "13 WAKEUP",
    "14 HEARTBEAT",
    "M Reboot",
    "M ScheduleInform",
    "M Download",
    "M ScheduleDownload",
    "M Upload",
    "M ChangeDUState",
]


def test_event_strings() -> None:
    assert list(events.EVENTS) == CODES


def test_events_name_real_messages_and_events() -> None:
    for row in events.EVENTS.values():
        assert row.acknowledged_by in schema.MESSAGES
        assert row.multiple is row.has_command_key is row.code.startswith("M ")
        assert set(row.companions) <= set(events.EVENTS)
        if row.must_accompany is not None:
            assert row.code in events.EVENTS[row.must_accompany].companions


@pytest.mark.parametrize("code", ["M X_00A057_Do", "X 00A057 Something happened", "X example-com event"])
def test_vendor_events(code: str) -> None:
    assert events.is_vendor(code)
    assert events.is_known(code)


@pytest.mark.parametrize(
    "code",
    [
        "0 Bootstrap",
        "1  BOOT",
        "1 BOOT ",
        "BOOT",
        "15 NEW",
        "M reboot",
        "M Nope",
        "X",
        "M X_a b",
        "",
        "x" * 70,
    ],
)
def test_what_is_no_event(code: str) -> None:
    assert not events.is_known(code)


def test_nearest() -> None:
    assert events.nearest("0 bootstrap ") == "0 BOOTSTRAP"
    assert events.nearest("12 AUTON DU") == "12 AUTONOMOUS DU STATE CHANGE COMPLETE"
    assert events.nearest("m  REBOOT") == "M Reboot"
    assert events.nearest("nonsense") is None


DEVICE_2 = [
    "Device.RootDataModelVersion",
    "Device.DeviceInfo.HardwareVersion",
    "Device.DeviceInfo.SoftwareVersion",
    "Device.DeviceInfo.ProvisioningCode",
    "Device.ManagementServer.ParameterKey",
    "Device.ManagementServer.ConnectionRequestURL",
]
IGD = [
    "InternetGatewayDevice.DeviceSummary",
    "InternetGatewayDevice.DeviceInfo.HardwareVersion",
    "InternetGatewayDevice.DeviceInfo.SoftwareVersion",
    "InternetGatewayDevice.DeviceInfo.SpecVersion",
    "InternetGatewayDevice.DeviceInfo.ProvisioningCode",
    "InternetGatewayDevice.ManagementServer.ParameterKey",
    "InternetGatewayDevice.ManagementServer.ConnectionRequestURL",
    "InternetGatewayDevice.WANDevice.1.WANConnectionDevice.2.WANPPPConnection.1.ExternalIPAddress",
]


@pytest.mark.parametrize(("names", "root"), [(DEVICE_2, "Device:2"), (IGD, "InternetGatewayDevice:1")])
def test_forced_parameters(names: list[str], root: str) -> None:
    found = inform.root_of(names)
    assert found == root
    assert found is not None
    assert inform.missing(found, [*names, "Device.Extra"]) == ()
    for name in names:
        (path,) = inform.missing(found, [other for other in names if other != name])
        assert inform.Forced(path).matches(name)


def test_roots() -> None:
    assert inform.root_of(["Device.DeviceSummary", "Device.LAN.IPAddress"]) is inform.Root.DEVICE_1
    assert inform.root_of([]) is None
    assert "Device.LAN.IPAddress" in inform.missing(inform.Root.DEVICE_1, [])
