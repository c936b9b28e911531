"""Defects that a restart brings out: what was set before it does not count after it."""

from __future__ import annotations

from collections.abc import Callable

from reference_cpe.defects.registry import defect, rewire, tabled
from reference_cpe.fault import CwmpFault
from reference_cpe.parts import Parts


def restarted(parts: Parts) -> bool:
    """Whether this boot is a later one: an ACS has been informed before."""
    return bool(parts.store.get("bootstrapped"))


def until_changed(parts: Parts, key: str) -> Callable[[], bool]:
    """Tells whether the device was restarted and the setting *key* has not been changed since."""
    stale = [restarted(parts)]
    told = parts.settings.changed

    def changed(change: dict[str, tuple[object, object]]) -> None:
        stale[0] = stale[0] and key not in change
        told(change)

    parts.settings.changed = changed
    return lambda: stale[0]


def _forgets(part: str, seam: str, key: str, wrong: object) -> Callable[[Parts], None]:
    def alter(parts: Parts) -> None:
        stale = until_changed(parts, key)
        right = getattr(getattr(parts, part), seam)
        rewire(getattr(parts, part), **{seam: lambda: wrong if stale() else right()})

    return alter


for _name, _summary, _breaks, _part, _seam, _key, _wrong in (
    ("periodic-off-lost-at-boot", "After a reboot periodic Informs are on until the switch is changed.",
     "lcos.periodic.off", "timers", "enabled", "periodic_inform_active", True),
    ("interval-lost-at-boot", "After a reboot the interval is the default one until it is changed.",
     "lcos.periodic.seconds", "timers", "interval", "periodic_inform_interval", 1200.0),
    ("credential-switch-lost-at-boot", "After a reboot the ACS may change the credentials until the switch is changed.",
     "lcos.credentials.refused-when-off", "permissions", "change_credentials", "allow_credential_change", True),
    ("file-switch-lost-at-boot", "After a reboot files are let through until the switch is changed.",
     "lcos.file.refused-when-off", "permissions", "transfer_files", "allow_file_transmission", True),
):  # fmt: skip
    tabled(_name, _summary, [_breaks], _forgets(_part, _seam, _key, _wrong))


@defect("booted-off-stays-off", breaks=["lcos.activation.on"])
def booted_off_stays_off(parts: Parts) -> None:
    """A device that was started switched off does not connect when it is switched on."""
    if not parts.settings.value("cwmp_active"):
        parts.active = lambda: False


@defect("bad-image-at-next-boot", breaks=["lcos.firmware.bad-image-survived"])
def bad_image_at_next_boot(parts: Parts) -> None:
    """A damaged image is refused, and takes over at the next reboot all the same."""
    if parts.store.get("left_image"):
        parts.store.update(software_version="damaged", left_image=None)
    install = parts.transfers.update_firmware

    def update_firmware(data: bytes) -> bool:
        try:
            return install(data)
        except CwmpFault:
            parts.store.update(left_image=True)
            raise

    rewire(parts.transfers, update_firmware=update_firmware)


@defect("rules6-lost-at-boot", breaks=["lcos.firewall6.open-with-rule"])
def rules_lost(parts: Parts) -> None:
    """After a reboot no inbound rule counts until one is changed."""
    stale = until_changed(parts, "ipv6_inbound_rules")
    right = parts.firewall.inbound_rules
    rewire(parts.firewall, inbound_rules=lambda: [] if stale() else right())


@defect("rules6-inactive-count-after-boot", breaks=["lcos.firewall6.rule-exact"])
def inactive_rules_count(parts: Parts) -> None:
    """After a reboot inactive inbound rules count as active."""
    if restarted(parts):
        rewire(parts.firewall, inbound_rules=lambda: parts.settings.value("ipv6_inbound_rules"))


@defect("port-default-in-first-inform", breaks=["lcos.port.advertised"])
def default_port_in_first_inform(parts: Parts) -> None:
    """The first Inform after a reboot names the default port in the ConnectionRequestURL."""
    first = [restarted(parts)]
    right, told = parts.status.connection_request_url, parts.informer.delivered

    def delivered() -> None:
        first[0] = False
        told()

    def url() -> str:
        port = f":{parts.listener.port}/"
        return right().replace(port, ":7547/") if first[0] else right()

    rewire(parts.status, connection_request_url=url)
    rewire(parts.informer, delivered=delivered)
