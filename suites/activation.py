"""Activation: with the switch "CWMP activated" off the device leaves the ACS alone, on every occasion it would have.

Silence is read off the WAN link and the bench's name server: the ACS URL names a host that only DNS knows, so a
device that merely resolves it is heard.
"""

from __future__ import annotations

from harness.bench import Bench
from harness.case import Case, Inconclusive, case
from harness.cwmp.messages import Download, GetParameterValues
from harness.device.api import FirewallRule
from harness.expect import equal, nothing, that
from harness.verdict.transcript import Role

SWITCH = ("cwmp_active",)
CONNECTION_REQUEST = ("connection-request", "connection_request_username", "connection_request_password")
REQUESTED = "6 CONNECTION REQUEST"
DELAY = 30
"""Seconds of device time after which a transfer begins that is ordered before CWMP is switched off."""
RETRY_WATCH = 120.0
"""Seconds of device time in which a failed session is tried again three times (TR-069 3.2.1.1)."""


def works_when_on(bench: Bench) -> str:
    """The control: with the switch on there is a session."""
    bench.configure(cwmp_active=True)
    return bench.works()


def two_intervals(bench: Bench) -> float:
    """Seconds of device time: two periodic intervals and the time a device may take to make contact."""
    return 2 * bench.timing.interval + (bench.timing.contact if bench.clock.steered else bench.timing.settle)


def inform_often(bench: Bench) -> None:
    """Let the device inform periodically, where it can."""
    if {"periodic_inform_active", "periodic_inform_interval"} <= bench.device.capabilities.settings:
        bench.configure(periodic_inform_active=True, periodic_inform_interval=int(bench.timing.interval))


def name_the_acs(bench: Bench) -> str:
    """Let the ACS URL name a host that only the name server knows; the name."""
    name = bench.names.new(a=(bench.topology.acs_v4,))
    bench.configure(acs_url=bench.acs_url("acs-http-v4", host=name))
    return name


@case("activation.on", verifies="lcos.activation.on", needs=SWITCH)
def switched_on(bench: Bench, case: Case) -> None:
    """Switched on, the device opens a session by itself and without a restart, also where it has been started switched off.

    Accepted: a session, which begins with its Inform, within the time that the profile grants for a contact.
    """
    for shown in ("at once", "after a restart"):
        case.step(f"Switch CWMP off, then on, {shown}.")
        bench.configure(cwmp_active=False)
        if shown != "at once":
            if "restart" not in bench.device.capabilities.verbs:
                break
            bench.device.restart()
        mark = bench.traffic.mark()
        bench.configure(cwmp_active=True)
        case.step(f"Wait {bench.timing.contact:g} s, with no other reason to connect.")
        if not bench.traffic.arrivals(mark):
            bench.next_inform(bench.timing.contact)
        seen = bench.traffic.arrivals(mark)
        session = that(
            "a session, begun by an Inform", bool, lambda found: "; ".join(map(str, found)) or "no session"
        )
        case.check("lcos.activation.on", seen, session, what=shown)


@case(
    "activation.off-silent", verifies="lcos.activation.off-silent", needs=(*SWITCH, "acs_url"), packets=True
)
def off_silent(bench: Bench, case: Case) -> None:
    """Switched off, the device sends the ACS nothing: not at its interval, not after a restart, not when a setting changes.

    Accepted: over two intervals, and two more after a restart, no TCP connection attempt and no datagram to a host of the bench, and no question for
    the ACS's name; with the switch on there is a session before and after.
    """
    name = name_the_acs(bench)
    inform_often(bench)
    with case.twin("with the switch on there is a session", lambda: works_when_on(bench)):
        case.step("Switch CWMP off.")
        bench.configure(cwmp_active=False)
        mark = bench.traffic.mark()
        if "port" in bench.device.capabilities.settings:
            case.step("Change the port of the connection requests, of which the ACS would have to be told.")
            bench.configure(port=bench.device_port + 1)
        case.step("Change the path of the ACS URL: a new ACS would have to be informed.")
        bench.configure(acs_url=bench.acs_url("acs-http-v4", host=name, path="/while-off"))
        case.step("Wait for two intervals: a restart may end what goes on by itself.")
        bench.pass_time(two_intervals(bench))
        case.check("lcos.activation.off-silent", bench.traffic.contacts(mark, name), nothing("contact"))
        tried = bench.provoke(two_intervals(bench))
        case.step(f"Give it every other reason to connect ({'; '.join(tried)}) and wait for two intervals.")
        case.check("lcos.activation.off-silent", bench.traffic.contacts(mark, name), nothing("contact"))


@case(
    "activation.off-silent.retry",
    verifies="lcos.activation.off-silent",
    needs=(*SWITCH, "acs_url"),
    packets=True,
)
def off_silent_retry(bench: Bench, case: Case) -> None:
    """A session that has failed is not tried again once CWMP is switched off.

    Accepted: in the time of three retries no connection attempt and no question for the ACS's name; with the switch on
    there is a session before and after.
    """
    name = name_the_acs(bench)
    with case.twin("with the switch on there is a session", lambda: works_when_on(bench)):
        case.step(
            "Take the address from the ACS's name, give the device a reason to connect: the session fails."
        )
        bench.names.set(name)
        before = bench.names.mark()
        bench.pass_time(2.0)
        bench.provoke(1.0, restart=False)
        if not bench.names.queries(before, name):
            bench.device.restart()
        if not bench.names.queries(before, name):
            raise Inconclusive("the device did not try to connect, so nothing waits to be tried again")
        case.step("Switch CWMP off, give the name its address again and wait for the time of three retries.")
        bench.configure(cwmp_active=False)
        bench.names.set(name, a=(bench.topology.acs_v4,))
        mark = bench.traffic.mark()
        bench.pass_time(RETRY_WATCH if bench.clock.steered else bench.timing.contact)
        case.check("lcos.activation.off-silent", bench.traffic.contacts(mark, name), nothing("contact"))


@case(
    "activation.off-silent.transfer",
    verifies="lcos.activation.off-silent",
    needs=(*SWITCH, "download", "script"),
)
def off_silent_transfer(bench: Bench, case: Case) -> None:
    """A transfer that was ordered before CWMP was switched off is not reported while it is off.

    Whether the file is still fetched is the device's affair: the switch is about the ACS. Accepted: no session and no
    connection to the ACS in the time of the transfer; with the switch on there is a session before and after.
    """
    with case.twin("with the switch on there is a session", lambda: works_when_on(bench)):
        case.step(f"Order a Download that begins in {DELAY} s and switch CWMP off.")
        content = bench.files.script(f"marker-{bench.fresh()}")
        url = bench.files.offer(f"off-{bench.fresh()}", content).url
        order = Download(
            f"off-{bench.fresh()}", bench.files.script_type, url, file_size=len(content), delay_seconds=DELAY
        )
        with bench.session("a delayed Download") as session:
            fault = session.call(order).fault
        if fault is not None:
            raise Inconclusive(f"the Download was refused: fault {fault.fault_code}")
        bench.configure(cwmp_active=False)
        mark = bench.traffic.mark()
        bench.pass_time(DELAY + (bench.timing.transfer if bench.clock.steered else bench.timing.settle))
        seen = [str(arrival) for arrival in bench.traffic.arrivals(mark)]
        seen += [
            f"connection to {each.endpoint}"
            for each in bench.traffic.connections(mark)
            if each.role is Role.ACS
        ]
        case.check("lcos.activation.off-silent", seen, nothing("contact with the ACS"))


@case(
    "activation.off.connection-request",
    verifies="lcos.activation.off-no-connection-request",
    needs=(*SWITCH, *CONNECTION_REQUEST),
)
def off_connection_request(bench: Bench, case: Case) -> None:
    """Switched off, the device serves no connection request, and does not remember one for later.

    Accepted: with the right credentials no connection or any status but 2xx, and no session; switched on again, no
    session with the event "6 CONNECTION REQUEST". Before and after, the same request leads to a session. Likewise over
    IPv6, where the device has an address and its firewall can be opened.
    """
    ways = {"": ""}
    if bench.topology.isolated and not bench.device.capabilities.lacks(("ipv6", "ipv6_inbound_rules")):
        bench.configure(ipv6_inbound_rules=(FirewallRule("cwmp", (bench.device_port,)),))
        ways[" over IPv6"] = bench.topology.cpe_wan_v6

    def request_works() -> str:
        bench.configure(cwmp_active=True)
        for how, address in ways.items():
            outcome = bench.connection_request(address=address)
            if not outcome.session:
                return f"status {outcome.status} {outcome.reason}, no session{how}"
        return ""

    with case.twin("with the switch on a connection request leads to a session", request_works):
        case.step("Switch CWMP off and send a connection request with the right credentials.")
        bench.configure(cwmp_active=False)
        for how, address in ways.items():
            outcome = bench.connection_request(address=address)
            case.check(
                "lcos.activation.off-no-connection-request",
                outcome.status,
                that("no answer, or a status other than 2xx", lambda status: not 200 <= status < 300),
                what=f"status{how}",
            )
            case.check(
                "lcos.activation.off-no-connection-request",
                outcome.session,
                equal(False),
                what=f"session{how}",
            )
        case.step("Switch CWMP on and watch for a session that the request has left behind.")
        mark = bench.traffic.mark()
        bench.configure(cwmp_active=True)
        bench.pass_time(bench.timing.contact)
        late = [seen for seen in bench.traffic.arrivals(mark) if REQUESTED in seen.event_codes]
        case.check("lcos.activation.off-no-connection-request", late, nothing(f"session with {REQUESTED}"))


@case("activation.persistent", verifies="lcos.activation.persistent", needs=(*SWITCH, "restart"))
def persistent(bench: Bench, case: Case) -> None:
    """The switch stays as it was set across a restart, and across a power cut where the device can have one.

    Accepted: off, no contact after it; on, a session after the restart, by itself.
    """
    ways = [("restart", bench.device.restart)]
    if "power_cycle" in bench.device.capabilities.verbs:
        ways.append(("power cut", bench.device.power_cycle))
    with case.twin("with the switch on there is a session", lambda: works_when_on(bench)):
        for shown, act in ways:
            case.step(f"Switch CWMP off; {shown}; watch.")
            bench.configure(cwmp_active=False)
            mark = bench.traffic.mark()
            act()
            bench.pass_time(bench.timing.contact)
            seen = bench.traffic.contacts(mark)
            case.check("lcos.activation.persistent", seen, nothing("contact"), what=f"off, {shown}")
        case.step("Switch CWMP on; restart; wait for a session.")
        bench.configure(cwmp_active=True)
        mark = bench.traffic.mark()
        bench.device.restart()
        if not bench.traffic.arrivals(mark):
            bench.next_inform(bench.timing.contact)
        case.check(
            "lcos.activation.persistent",
            bench.traffic.arrivals(mark),
            that("a session by itself", bool, lambda found: "; ".join(map(str, found)) or "no session"),
            what="on, restart",
        )


@case("activation.off-during-session", verifies="lcos.activation.off-during-session", needs=SWITCH)
def off_during_session(bench: Bench, case: Case) -> None:
    """Switched off while a session runs, the device may end that session, and opens no other.

    Accepted: whatever becomes of the session that runs; after it no contact over two intervals. With the switch on there
    is a session before and after.
    """
    inform_often(bench)
    with case.twin("with the switch on there is a session", lambda: works_when_on(bench)):
        case.step("Switch CWMP off inside a session, then go on with it.")
        with bench.session("switched off inside") as session:
            bench.device.configure_during(cwmp_active=False)
            if not session.ended:
                name = f"{session.root}DeviceInfo.SoftwareVersion"
                answer = session.call(GetParameterValues((name,)))
                case.observe(
                    f"the session that ran: {'went on' if name in answer.values() else answer.reason or 'ended'}"
                )
        mark = bench.traffic.mark()
        tried = bench.provoke(two_intervals(bench), restart=False)
        case.step(f"Give it other reasons to connect ({'; '.join(tried)}) and wait for two intervals.")
        case.check("lcos.activation.off-during-session", bench.traffic.contacts(mark), nothing("contact"))
