"""Names written for one root object hold for the other (LCOS lets the operator choose between TR-098 and TR-181)."""

from __future__ import annotations

import pytest

from harness.bench.sessions import rooted


@pytest.mark.parametrize(
    ("name", "root", "meant"),
    [
        ("Device.X_Y_Comment", "InternetGatewayDevice.", "InternetGatewayDevice.X_Y_Comment"),
        ("InternetGatewayDevice.X_Y_Comment", "Device.", "Device.X_Y_Comment"),
        ("Device.X_Y_Comment", "Device.", "Device.X_Y_Comment"),
        ("X_Y_Other.Comment", "Device.", "X_Y_Other.Comment"),
        ("Device.X_Y_Comment", "X_Y_Other.", "Device.X_Y_Comment"),
    ],
)
def test_rooted(name: str, root: str, meant: str) -> None:
    assert rooted(name, root) == meant
