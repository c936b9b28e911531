"""Where a device and the model disagree."""

from __future__ import annotations

from dataclasses import dataclass

from harness.cwmp.messages import Message


@dataclass(frozen=True, slots=True)
class Step:
    """One RPC that was sent; *number* is the instance number that an AddObject was given, else 0."""

    message: Message
    number: int = 0


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One disagreement. ``key`` makes two of them the same: what is wrong, and after which RPC, without values."""

    key: str
    expected: str
    observed: str
    requirement: str
    because: str
    steps: tuple[Step, ...] = ()
    """What was sent since the model was learnt, the RPC that showed it last."""
    codes: tuple[int, ...] = ()
    """Fault codes that were right for the last RPC; empty where it had to succeed or any would do."""
    refused: bool = False
    """The last writing RPC had to be refused, or was."""
