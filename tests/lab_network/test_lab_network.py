"""The lab: sockets and processes in its hosts, what the CPE sees of the machine, and how it ends."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import signal
import socket
import sys
from pathlib import Path

import pytest

from harness.bench.lan import echo_request
from harness.lab.network import CPE, HOST2, LAN, WAN, Lab, LabError

DEADLINE = 10.0


def host_pids() -> set[int]:
    return {int(name) for name in os.listdir("/proc") if name.isdigit()}


async def connect(lab: Lab, host: str, source: str | None, address: tuple[str, int]) -> socket.socket:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    sock = lab.stream_socket(host, family, source)
    async with asyncio.timeout(DEADLINE):
        await asyncio.get_running_loop().sock_connect(sock, address)
    return sock


async def until_up(log: Path) -> None:
    """Wait for the child's first word."""
    async with asyncio.timeout(DEADLINE):
        while log.read_text() != "up\n":  # noqa: ASYNC110, ASYNC240 - a file tells nobody when it grows
            await asyncio.sleep(0.005)


def exists(pid: int) -> bool:
    return os.path.exists(f"/proc/{pid}")


def command_name(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def machine_hosts() -> bytes:
    return Path("/etc/hosts").read_bytes()


async def accept(listener: socket.socket) -> tuple[socket.socket, str]:
    async with asyncio.timeout(DEADLINE):
        sock, address = await asyncio.get_running_loop().sock_accept(listener)
    return sock, str(address[0])


@pytest.mark.parametrize(
    ("client", "source", "server", "address", "seen"),
    [
        (CPE, None, WAN, "acs_v4", "cpe_wan_v4"),
        (CPE, None, WAN, "files_v6", "cpe_wan_v6"),
        (CPE, "cpe_lan_v4", WAN, "acs_v4", "cpe_lan_v4"),
        (CPE, None, HOST2, "host2_v4", "cpe_wan_v4"),
        (HOST2, None, CPE, "cpe_lan_v4", "host2_v4"),
        (WAN, "files_v6", CPE, "cpe_lan_v6", "files_v6"),
        (LAN, None, WAN, "acs_v4", "lan_v4"),
        (LAN, None, HOST2, "host2_v6", "lan_v6"),
    ],
)
async def test_hosts_reach_each_other(
    lab: Lab, client: str, source: str | None, server: str, address: str, seen: str
) -> None:
    where = getattr(lab.topology, address)
    with lab.listen(server, where) as listener:
        assert not listener.getblocking()
        port = listener.getsockname()[1]
        sock = await connect(lab, client, source and getattr(lab.topology, source), (where, port))
        peer, peer_address = await accept(listener)
        assert peer_address == getattr(lab.topology, seen)
        sock.close()
        peer.close()


async def test_loopback_address_as_source_is_answered(lab: Lab) -> None:
    with lab.listen(WAN, lab.topology.acs_v4) as listener:
        target = (lab.topology.acs_v4, listener.getsockname()[1])
        sock = await connect(lab, CPE, lab.topology.loopbacks["LB0"], target)
        peer, seen = await accept(listener)
        assert seen == "203.0.113.1"
        sock.close()
        peer.close()


async def test_a_ping_of_the_lan_client_is_answered(lab: Lab) -> None:
    """Which tells that its checksum is right: the kernel of the host that answers verifies it."""
    with lab.icmp_socket(LAN) as sock:
        sock.sendto(echo_request(0xFEDC), (lab.topology.acs_v4, 0))
        async with asyncio.timeout(DEADLINE):
            reply = await asyncio.get_running_loop().sock_recv(sock, 1500)
    kind, identifier = reply[20], reply[24:26]
    assert (kind, identifier) == (0, b"\xfe\xdc")


async def test_outside_is_unreachable_at_once(lab: Lab) -> None:
    sock = lab.stream_socket(CPE, socket.AF_INET)
    with sock, pytest.raises(OSError, match=r"192\.0\.2\.1") as caught:
        await asyncio.wait_for(asyncio.get_running_loop().sock_connect(sock, ("192.0.2.1", 80)), DEADLINE)
    assert caught.value.errno in {errno.ENETUNREACH, errno.EHOSTUNREACH}


async def test_port_in_use_is_named(lab: Lab) -> None:
    with (
        lab.listen(WAN, lab.topology.acs_v4, 80),
        pytest.raises(OSError, match=r"198\.51\.100\.10 port 80 of host wan") as caught,
    ):
        lab.listen(WAN, lab.topology.acs_v4, 80)
    assert caught.value.errno == errno.EADDRINUSE


async def test_unknown_host_and_unknown_address(lab: Lab) -> None:
    with pytest.raises(ValueError, match="no host 'acs'"):
        lab.listen("acs", "127.0.0.1")
    with pytest.raises(OSError, match=r"192\.0\.2\.7"):
        lab.stream_socket(CPE, socket.AF_INET, "192.0.2.7")


async def test_device_sees_the_bench_names_and_an_empty_store(lab: Lab) -> None:
    command = "cat /etc/hosts; ls /etc/ssl/certs; ls /sys/class/net; ls -d /proc/[0-9]* | wc -l"
    done = await lab.run(CPE, ["sh", "-c", command], timeout=DEADLINE)
    text = done.stdout.decode()
    assert "198.51.100.10\tacs.bench.test" in text
    assert "ca-certificates.crt" in text
    assert ".pem" not in text
    assert {"lan0", "lo", "wan0"} <= set(text.split())
    assert int(text.split()[-1]) < 8, "the machine's processes are visible"
    assert lab.etc is not None
    lab.etc.write_hosts({"other.bench.test": ("203.0.113.9",)})
    done = await lab.run(CPE, ["cat", "/etc/hosts"], timeout=DEADLINE)
    assert done.stdout == b"203.0.113.9\tother.bench.test\n"
    assert b"other.bench.test" not in machine_hosts()


async def test_run_gives_input_output_and_status(lab: Lab, tmp_path: Path) -> None:
    argv = ["sh", "-c", "cat; pwd; echo $WORD >&2; exit 3"]
    env = {"PATH": "/usr/bin:/bin", "WORD": "complaint"}
    done = await lab.run(CPE, argv, env=env, cwd=tmp_path, timeout=DEADLINE, input=b"given ")
    assert (done.returncode, done.timed_out) == (3, False)
    assert done.stdout.decode() == f"given {tmp_path}\n"
    assert done.stderr == b"complaint\n"


async def test_run_kills_the_whole_session_at_its_timeout(lab: Lab) -> None:
    # A second process group of the same session: the kill must reach it too.
    script = "import os,time\nif os.fork() == 0: os.setpgid(0, 0)\nprint(1, flush=True)\ntime.sleep(600)"
    assert await lab.ping() == 1, "the capture"
    done = await lab.run(CPE, [sys.executable, "-S", "-c", script], timeout=0.5)
    assert done.timed_out
    assert done.returncode == -signal.SIGKILL
    assert await lab.ping() == 1
    left = await lab.run(CPE, ["sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"], timeout=DEADLINE)
    assert b"sleep(600)" not in left.stdout


async def test_run_is_not_kept_waiting_by_a_daemon(lab: Lab) -> None:
    done = await lab.run(CPE, ["sh", "-c", "sleep 600 & echo up"], timeout=DEADLINE)
    assert (done.stdout, done.timed_out) == (b"up\n", False)
    assert await lab.kill_all(CPE) == 1
    assert await lab.kill_all(CPE) == 0


async def test_command_that_does_not_exist(lab: Lab) -> None:
    with pytest.raises(FileNotFoundError, match="No such file"):
        await lab.run(CPE, ["/nonexistent/command"], timeout=DEADLINE)
    with pytest.raises(FileNotFoundError, match="/nonexistent/folder"):
        await lab.run(CPE, ["true"], cwd="/nonexistent/folder", timeout=DEADLINE)
    with pytest.raises(OSError, match="embedded null byte"):
        await lab.run(CPE, ["echo", "\0"], timeout=DEADLINE)
    with pytest.raises(LabError, match="too long"):
        await lab.run(CPE, ["true", "x" * 200_000], timeout=DEADLINE)


async def test_spawned_child_lives_and_dies(lab: Lab, tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    child = await lab.spawn(CPE, ["sh", "-c", "echo up; exec sleep 600"], log=log)
    await until_up(log)
    assert command_name(child.pid) in {"sh", "sleep"}, "pid as seen from outside"
    with pytest.raises(TimeoutError):
        await child.wait(0.05)
    assert child.returncode is None
    await child.signal(signal.SIGUSR1)
    assert await child.wait(DEADLINE) == -signal.SIGUSR1
    assert log.read_text() == "up\n"
    await child.signal(signal.SIGKILL)  # no error when it is gone


async def test_stop_is_orderly_first_and_then_final(lab: Lab, tmp_path: Path) -> None:
    polite = "trap 'exit 7' TERM; echo up; while :; do sleep 0.01; done"
    stubborn = "trap '' TERM; echo up; while :; do sleep 0.01; done"
    for script, expected in ((polite, 7), (stubborn, -signal.SIGKILL)):
        log = tmp_path / f"{expected}.log"
        child = await lab.spawn(CPE, ["sh", "-c", script], log=log)
        await until_up(log)
        assert await child.stop(0.3 if expected < 0 else DEADLINE) == expected


async def test_requests_go_on_while_children_run(lab: Lab, tmp_path: Path) -> None:
    child = await lab.spawn(LAN, ["sleep", "600"], log=tmp_path / "log")
    slow = asyncio.create_task(lab.run(HOST2, ["sleep", "0.2"], timeout=DEADLINE))
    quick = [lab.run(CPE, ["echo", str(n)], timeout=DEADLINE) for n in range(10)]
    results = await asyncio.gather(*quick)
    assert [int(done.stdout) for done in results] == list(range(10))
    lab.listen(WAN, lab.topology.acs_v4).close()
    assert (await slow).returncode == 0
    assert child.returncode is None


async def test_children_cannot_set_the_machine_s_clock_or_reboot_it(lab: Lab) -> None:
    done = await lab.run(CPE, ["cat", "/proc/self/status"], timeout=DEADLINE)
    found = re.search(rb"CapEff:\s*([0-9a-f]+)", done.stdout)
    assert found is not None
    effective = int(found[1], 16)
    assert not effective & (1 << 25 | 1 << 22 | 1 << 16 | 1 << 17)
    assert effective & (1 << 12), "CAP_NET_ADMIN is wanted inside"


async def test_nft_applies_all_or_says_why(lab: Lab) -> None:
    await lab.nft(CPE, "table ip6 t { chain c { type filter hook input priority 0; policy drop; }; }")
    done = await lab.run(CPE, ["nft", "list", "ruleset"], timeout=DEADLINE)
    assert b"table ip6 t" in done.stdout
    with pytest.raises(LabError, match=r"ruleset of cpe.*syntax error"):
        await lab.nft(CPE, "table ip6 u { nonsense }")
    done = await lab.run(HOST2, ["nft", "list", "ruleset"], timeout=DEADLINE)
    assert done.stdout == b""


async def test_close_ends_everything(tmp_path: Path) -> None:
    before = host_pids()
    lab = await Lab.create(workdir=tmp_path)
    child = await lab.spawn(CPE, ["sh", "-c", "setsid sleep 600 & sleep 600"], log=tmp_path / "log")
    assert child.pid in host_pids()
    await lab.close()
    assert child.returncode == -signal.SIGKILL
    assert not {pid for pid in host_pids() - before if is_ours(pid, tmp_path)}
    with pytest.raises(LabError, match="closed"):
        lab.listen(WAN, "127.0.0.1")
    await lab.close()


def is_ours(pid: int, workdir: Path) -> bool:
    try:
        return str(workdir).encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


async def test_keeper_killed_is_an_error_not_a_hang(tmp_path: Path) -> None:
    lab = await Lab.create(workdir=tmp_path)
    child = await lab.spawn(CPE, ["sleep", "600"], log=tmp_path / "log")
    os.kill(lab.keeper_pid, signal.SIGKILL)
    assert await child.wait(DEADLINE) == -signal.SIGKILL
    with pytest.raises(LabError, match="keeper"):
        await lab.run(CPE, ["true"], timeout=DEADLINE)
    with pytest.raises(LabError, match="keeper"):
        lab.listen(WAN, lab.topology.acs_v4)
    assert not lab.capture.available
    await lab.close()


async def test_fallback_to_loopback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CPECHECK_NO_NAMESPACES", "1")
    lab = await Lab.create(workdir=tmp_path)
    try:
        assert not lab.isolated
        assert "CPECHECK_NO_NAMESPACES" in lab.why_not
        assert not lab.topology.isolated
        assert not lab.capture.available
        assert lab.capture.why_not == lab.why_not
        with lab.listen(WAN, lab.topology.acs_v6) as listener:
            sock = await connect(lab, CPE, None, ("::1", listener.getsockname()[1]))
            peer, seen = await accept(listener)
            assert seen == "::1"
            sock.close()
            peer.close()
        done = await lab.run(CPE, ["sh", "-c", "setsid sleep 600 & echo $!"], timeout=DEADLINE)
        daemon = int(done.stdout)
        child = await lab.spawn(CPE, ["sleep", "600"], log=tmp_path / "log")
        for wanted in (lab.nft(CPE, ""), lab.capture.mark()):
            with pytest.raises(LabError, match="CPECHECK_NO_NAMESPACES"):
                await wanted
    finally:
        await lab.close()
    assert child.returncode is not None
    assert not exists(child.pid)
    assert not exists(daemon), "an orderly end takes orphans with it, without namespaces too"
