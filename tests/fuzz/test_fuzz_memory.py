"""A worker gives back the memory of large messages."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

LARGE_MESSAGES = """
import threading
from pathlib import Path
from harness.fuzz.hunt.worker import spare_memory

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

def work():
    for size in range(12):
        texts = [chr(65 + size) * (1 << 19 + size % 3) for _ in range(6)]
        kept.append([b"".join(each.encode() for each in texts)[:5000], *(bytearray(600) for _ in range(50))])

kept = []
if {spare}:
    spare_memory()
before = resident()
for _ in range(3):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    work()
print(resident() - before)
"""


def growth(*, spare: bool) -> int:
    """Octets by which a process grows that handles large messages in two threads and keeps a little of each."""
    program = LARGE_MESSAGES.replace("{spare}", str(spare))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, timeout=60)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps it")
def test_large_messages_leave_little_behind() -> None:
    spared = growth(spare=True)
    assert spared < 12_000_000
    assert growth(spare=False) > spared
