"""Who gets the ACS password at another host: nobody unasked, and whoever asks only with a warning."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from harness.verdict.verdict import Verdict
from suites.acs_credentials_kept import no_password_for_the_asking


def request(authorization: str) -> Any:
    return SimpleNamespace(authorization=authorization)


@pytest.mark.parametrize(
    ("headers", "verdict"),
    [
        (["", ""], Verdict.PASS),
        (["", 'Digest username="x"'], Verdict.PASS),
        (["", "Basic eDp5"], Verdict.WARN),
        (["basic eDp5"], Verdict.FAIL),
        (["Basic eDp5", ""], Verdict.FAIL),
    ],
)
def test_the_first_request_decides(headers: list[str], verdict: Verdict) -> None:
    requests = [request(header) for header in headers]
    assert no_password_for_the_asking().judge(requests).verdict is verdict
