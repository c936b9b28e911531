"""The searches that shrinking is made of. Pure but for the callback."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def minimal(items: Sequence[T], test: Callable[[Sequence[T]], bool]) -> Sequence[T]:
    """Delta debugging (Zeller, Hildebrandt 2002): a part of *items* that passes *test*, from which nothing
    can be taken away singly. *items* is taken to pass."""
    if items and test(()):
        return ()
    parts = 2
    while len(items) > 1:
        size = -(-len(items) // parts)
        for start in range(0, len(items), size):
            kept = (*items[:start], *items[start + size :])
            if kept and test(kept):
                items, parts = kept, max(2, parts - 1)
                break
        else:
            if parts >= len(items):
                break
            parts = min(len(items), parts * 2)
    return items


def least(value: int, test: Callable[[int], bool]) -> int:
    """The smallest number down from *value* that passes *test*, as far as bisection tells. *value* is taken
    to pass."""
    if value <= 0 or test(0):
        return 0 if value >= 0 else value
    below = 0
    while value - below > 1:
        middle = (below + value) // 2
        if test(middle):
            value = middle
        else:
            below = middle
    return value
