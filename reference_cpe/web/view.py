"""What the page shows beside the fields: status, and what is stored in the certificate slots."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from reference_cpe.device import Device
from reference_cpe.trust import out_of_date


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored certificate."""

    subject: str
    issuer: str
    valid: str
    fingerprint: str
    warning: str = ""
    """Why it is out of date, empty when it is not."""


def stored(pem: str, now: float | None = None) -> Stored | None:
    """The first certificate of *pem*, judged at *now* (Unix time) if that is known; ``None`` for no certificate."""
    if not pem:
        return None
    found = x509.load_pem_x509_certificates(pem.encode("ascii"))[0]
    digits = found.fingerprint(SHA256()).hex(":").upper()
    valid = f"{found.not_valid_before_utc:%Y-%m-%d} to {found.not_valid_after_utc:%Y-%m-%d}"
    return Stored(_name(found.subject), _name(found.issuer), valid, digits, out_of_date(pem, now))


def _name(name: x509.Name) -> str:
    return name.rfc4514_string() or "(empty)"


def status(device: Device) -> list[tuple[str, str]]:
    """Labels and values of the status list."""
    parts = device.parts
    identity = parts.config.device
    return [
        ("Firmware version", parts.status.software_version()),
        ("Hardware version", identity.hardware_version),
        ("Serial number", f"{identity.oui}-{identity.serial_number}"),
        ("Last session", _last_session(device)),
        ("Last error", device.last_error or "none"),
        ("Next periodic inform", _next_periodic(device)),
        ("Connection request URL", parts.status.connection_request_url() or "none"),
    ]


def _last_session(device: Device) -> str:
    if device.last_session is None:
        return "none since the device was started"
    ended, successful = device.last_session
    return f"{'successful' if successful else 'failed'}, {_moment(device, ended)}"


def _next_periodic(device: Device) -> str:
    parts = device.parts
    due = parts.timers.due("periodic")
    if due is None:
        return "not scheduled"
    left = max(0.0, due - parts.clock.now())
    return f"in {duration(left)} ({_moment(device, parts.clock.unix() + left)})"


def _moment(device: Device, unix: float) -> str:
    """An instant for people: the date, or seconds since boot where the clock is not set."""
    parts = device.parts
    if not parts.clock.absolute:
        since_boot = parts.status.uptime() - (parts.clock.unix() - unix)
        return f"{duration(since_boot)} after boot"
    try:
        return f"{datetime.fromtimestamp(unix, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError):
        return "in the far future"


def duration(seconds: float) -> str:
    """``1 d 2 h``: the two largest units that are not 0."""
    left = int(seconds + 0.5)
    words = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            words.append(f"{count} {unit}")
    return " ".join(words[:2]) or "0 s"
