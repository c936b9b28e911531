"""Timing plots: what an assertion allowed as a band, what was observed as a point, and the sessions on a time line.

The numbers come from assertions that allow a range of seconds (``58.4 to 61.6 s``) and from the transcript. Geometry
only; a template draws it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from harness.verdict.assertion import Assertion, CaseResult
from harness.verdict.transcript import Direction, SessionRecord, Transcript
from harness.verdict.verdict import Verdict
from reports import content
from reports.text import one_line

_RANGE: Final = re.compile(r"(?:(?P<what>.*): )?(?P<low>\d[\d.e+]*) to (?P<high>\d[\d.e+]*) s", re.DOTALL)
_SEEN: Final = re.compile(r"(?:.*: )?(?P<value>-?\d[\d.e+]*|inf) s", re.DOTALL)
WIDTH: Final = 820
_LEFT: Final = 20
_RIGHT: Final = 800
_ROWS: Final = 12
_SESSIONS: Final = 40
_NEAR: Final = 0.002
"""Seconds within which a gap between two sessions is the one that an assertion speaks of (it rounds to 1 ms)."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What an assertion allowed, and what it saw (``inf``: it never came), in seconds."""

    what: str
    low: float
    high: float
    seen: float
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Band:
    """A drawn measurement: the band and the point, in the units of the drawing. ``point`` is -1 for never."""

    y: int
    x: float
    width: float
    point: float
    measured: Measured
    label: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A session on the time line: its block, and the events of its Inform."""

    x: float
    width: float
    text: str


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot. ``said`` tells it in a sentence."""

    bands: tuple[Band, ...]
    ticks: tuple[tuple[float, str], ...]
    marks: tuple[Mark, ...]
    expected: tuple[tuple[float, float], ...]
    line_ticks: tuple[tuple[float, str], ...]
    height: int
    said: str
    width: int = WIDTH
    line_y: int = 0


def measured(case: CaseResult) -> list[Measured]:
    """What of the case's assertions is a time within a range."""
    return [each for each in map(_read, case.assertions) if each is not None]


def _read(assertion: Assertion) -> Measured | None:
    allowed = _RANGE.fullmatch(assertion.expected[:400])
    seen = _SEEN.fullmatch(assertion.observed[:400])
    if allowed is None or seen is None:
        return None
    try:
        low, high, value = float(allowed["low"]), float(allowed["high"]), float(seen["value"])
    except ValueError:
        return None
    if not low < high < math.inf:
        return None
    what = allowed["what"] or assertion.requirement
    return Measured(one_line(what, 90), low, high, value, assertion.verdict)


def draw(case: CaseResult, transcript: Transcript) -> Plot | None:
    """The plot of a case, or ``None`` where it measured no time."""
    found = measured(case)[:_ROWS]
    if not found:
        return None
    finite = [each.seen for each in found if math.isfinite(each.seen)]
    low = min([*(each.low for each in found), *finite])
    high = max([*(each.high for each in found), *finite])
    edge = (high - low) * 0.08
    scale = _Scale(max(0.0, low - edge) if low >= 0 else low - edge, high + edge)
    bands = tuple(_band(number, each, scale) for number, each in enumerate(found))
    line_y = 46 * len(bands) + 66
    line = _line(transcript, found)
    return Plot(
        bands=bands,
        ticks=scale.ticks(),
        marks=line[0],
        expected=line[1],
        line_ticks=line[2],
        height=line_y + 74 if line[0] else line_y - 14,
        said="; ".join(each.label for each in bands),
        line_y=line_y,
    )


class _Scale:
    """Seconds to the units of the drawing."""

    def __init__(self, low: float, high: float) -> None:
        self._low, self._span = low, (high - low) or 1.0
        self.high = high

    def __call__(self, seconds: float) -> float:
        return round(_LEFT + (seconds - self._low) / self._span * (_RIGHT - _LEFT), 1)

    def ticks(self) -> tuple[tuple[float, str], ...]:
        """Round numbers along the axis."""
        raw = self._span / 6
        power = 10.0 ** math.floor(math.log10(raw))
        step = next(each * power for each in (1, 2, 5, 10) if each * power >= raw)
        first = math.ceil(self._low / step)
        return tuple(
            (self(number * step), f"{number * step:g} s")
            for number in range(first, math.floor(self.high / step) + 1)
        )


def _band(number: int, each: Measured, scale: _Scale) -> Band:
    never = not math.isfinite(each.seen)
    seen = "it never came" if never else f"{each.seen:g} s"
    return Band(
        y=46 * number + 30,
        x=scale(each.low),
        width=round(scale(each.high) - scale(each.low), 1),
        point=-1 if never else scale(each.seen),
        measured=each,
        label=f"{each.what}: {seen}, allowed {each.low:g} to {each.high:g} s",
    )


def _line(
    transcript: Transcript, found: Sequence[Measured]
) -> tuple[tuple[Mark, ...], tuple[tuple[float, float], ...], tuple[tuple[float, str], ...]]:
    """The sessions on one axis of device time, with the windows that the measured gaps had to end in."""
    sessions = [each for each in transcript.sessions if each.messages][:_SESSIONS]
    if len(sessions) < 2:
        return (), (), ()
    windows = list(_windows(transcript, sessions, found))
    start = min(each.started_at for each in sessions)
    end = max([*(each.ended_at for each in sessions), *(high for _, high in windows)])
    if end - start < 1.0:
        return (), (), ()
    scale = _Scale(0.0, (end - start) * 1.02)
    marks = tuple(
        Mark(
            scale(each.started_at - start),
            max(2.0, round(scale(each.ended_at - start) - scale(each.started_at - start), 1)),
            _events(transcript, each),
        )
        for each in sessions
    )
    expected = tuple(
        (scale(low - start), round(scale(high - start) - scale(low - start), 1)) for low, high in windows
    )
    return marks, expected, scale.ticks()


def _windows(
    transcript: Transcript, sessions: Sequence[SessionRecord], found: Sequence[Measured]
) -> Iterator[tuple[float, float]]:
    """For each measured gap that two sessions show: when the second had to begin, in device time.

    Sessions for the same events are tried first: gaps are measured between those.
    """
    used: set[tuple[str, str]] = set()
    codes = {each.id: _events(transcript, each) for each in sessions}
    pairs = sorted(_pairs(sessions), key=lambda pair: codes[pair[0].id] != codes[pair[1].id])
    for each in found:
        for first, second in pairs:
            if (first.id, second.id) not in used and abs(
                second.started_at - first.ended_at - each.seen
            ) < _NEAR:
                used.add((first.id, second.id))
                yield first.ended_at + each.low, first.ended_at + each.high
                break


def _pairs(sessions: Sequence[SessionRecord]) -> Iterator[tuple[SessionRecord, SessionRecord]]:
    """Neighbours first, then sessions with others in between."""
    for apart in range(1, len(sessions)):
        for index in range(len(sessions) - apart):
            yield sessions[index], sessions[index + apart]


def _events(transcript: Transcript, session: SessionRecord) -> str:
    """The event codes of the session's Inform, the numbers alone."""
    for name in session.messages:
        try:
            message = transcript.message(name)
        except KeyError:
            continue
        if message.direction is Direction.FROM_DEVICE and message.is_request:
            codes = content.events_of(message)
            if codes is not None:
                return one_line(" ".join(code.split(" ")[0] for code in codes[:6]), 20)
    return ""
