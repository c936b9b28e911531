"""The files of /etc that the CPE's processes see instead of the machine's.

Else the names a device looks up and the "system certificate store" would be those of the machine the bench
runs on. Files that are bound singly are changed by writing into them, never by replacing them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

NOBODY_PEM: Final = """\
-----BEGIN CERTIFICATE-----
MIIBrjCCAVOgAwIBAgIUVQ4Dibt6qoS7Hl48b8goq3fA9WIwCgYIKoZIzj0EAwIw
LDEqMCgGA1UEAwwhVHJ1c3RlZCBieSBub2JvZHkgLSBrZXkgZGVzdHJveWVkMB4X
DTI2MTEyMjE5MjEzM1oXDTI2MTEyMzE5MjEzM1owLDEqMCgGA1UEAwwhVHJ1c3Rl
ZCBieSBub2JvZHkgLSBrZXkgZGVzdHJveWVkMFkwEwYHKoZIzj0CAQYIKoZIzj0D
AQcDQgAEt1rhrlOCk9//0m05LGuaLRQ4QN+HA+u+vs/O0sYcg/mrsJ/ocWLyvqa7
LMynyvC3d3S2fx3pA5X+7BD8zte7yqNTMFEwHQYDVR0OBBYEFB45bvmv45Ojqzj4
9M2rGwhXFDfoMB8GA1UdIwQYMBaAFB45bvmv45Ojqzj49M2rGwhXFDfoMA8GA1Ud
EwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSQAwRgIhAJCI9v0X2BjUBVzxRr+WmY+u
zoG2kv20Ndj0SrTtaICJAiEA6ChzvzSPSwQFbqpwQmJqQcMwSp8f1LerCjk7xThP
d+A=
-----END CERTIFICATE-----
"""
"""A CA certificate whose key was thrown away: a bundle that TLS libraries can load and that trusts nobody."""


def hosts_text(hosts: Mapping[str, Sequence[str]]) -> str:
    """An /etc/hosts file, one line an address."""
    lines: dict[str, list[str]] = {}
    for name, addresses in hosts.items():
        for address in addresses:
            lines.setdefault(address, []).append(name)
    return "".join(f"{address}\t{' '.join(names)}\n" for address, names in lines.items())


class DeviceEtc:
    """The files, in a folder of the run. A file that is there already is left as it is, but for the hosts."""

    def __init__(self, folder: Path, hosts: Mapping[str, Sequence[str]], resolver: str) -> None:
        self.hosts_file = folder / "hosts"
        self.ca_bundle = folder / "ssl-certs" / "ca-certificates.crt"
        """The system certificate store of the CPE; any PEM bundle may be written here, at any time."""
        self._folder = folder
        self.ca_bundle.parent.mkdir(parents=True, exist_ok=True)
        self.write_hosts(hosts)
        # Names that the hosts file lacks are answered by `harness.lab.dns`, at once.
        self._default(folder / "resolv.conf", f"nameserver {resolver}\noptions timeout:1 attempts:1\n")
        self._default(folder / "nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n")
        self._default(self.ca_bundle, NOBODY_PEM)

    @staticmethod
    def _default(path: Path, text: str) -> None:
        if not path.exists():
            path.write_text(text, encoding="ascii")

    def write_hosts(self, hosts: Mapping[str, Sequence[str]]) -> None:
        """Give the CPE other names. In place: the file is bound, so its inode must stay."""
        self.hosts_file.write_text(hosts_text(hosts), encoding="ascii")

    def bindings(self) -> dict[str, str]:
        """Path on the machine → path of what stands there for the CPE."""
        return {
            "/etc/hosts": str(self.hosts_file),
            "/etc/resolv.conf": str(self._folder / "resolv.conf"),
            "/etc/nsswitch.conf": str(self._folder / "nsswitch.conf"),
            "/etc/ssl/certs": str(self.ca_bundle.parent),
        }
