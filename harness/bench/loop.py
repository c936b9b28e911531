"""The bench's event loop in a thread of its own; blocking calls with a deadline are the only door to it.

Cases are plain functions, because the rules of Hypothesis cannot await.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

HANG = 120.0
"""Real seconds after which a call into the loop is given up: a bug of ours, never of the device."""


class LoopThread:
    """An event loop running in a daemon thread."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="cpecheck-bench", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def call(self, work: Coroutine[Any, Any, T], deadline: float = HANG) -> T:
        """Run *work* on the loop and return its result, or raise what it raised.

        Raises:
            TimeoutError: it was not done after *deadline* real seconds; it is cancelled.
        """
        future = asyncio.run_coroutine_threadsafe(work, self.loop)
        try:
            return future.result(deadline)
        except concurrent.futures.TimeoutError:
            if future.done():
                raise
            future.cancel()
            name = getattr(work, "__qualname__", str(work))
            raise TimeoutError(f"the bench did not finish {name} within {deadline:g} s") from None
        except BaseException:
            # A Ctrl-C lands here: what runs in the loop must not go on behind the caller's back.
            future.cancel()
            raise

    def stop(self) -> None:
        """End every task, then the loop and its thread."""
        if not self._thread.is_alive():
            return
        asyncio.run_coroutine_threadsafe(self._drain(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()

    async def _drain(self) -> None:
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
