"""Runs cases on a bench: checks what they need, keeps the device fit between them, turns all that happens into results.

Whatever a body raises becomes a verdict here: an exception of ours is ``error``, an undeliverable stimulus
``inconclusive``; a device that is gone makes the rest of its group ``not-run``, not ``fail``.
"""

from __future__ import annotations

import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from harness.bench import Bench
from harness.case import Case, CaseSpec, Inconclusive, NotApplicable, NotRun, seed_for
from harness.device.api import DriverError
from harness.lab import pcapng_redact
from harness.lab.errors import ClockError, LabError
from harness.lab.pcapng_redact import PcapngError
from harness.rules.engine import RuleResult, judge, to_assertions
from harness.verdict import redact_records
from harness.verdict.assertion import Assertion, CaseResult
from harness.verdict.redact import Redactor
from harness.verdict.requirement import Catalogue
from harness.verdict.transcript import Transcript, encode
from harness.verdict.verdict import Verdict, worst

Body = Callable[[Bench, Case], None]

GIVE_UP = 2
"""Groups in a row in which the device could not be brought back; after that it is not looked for any more."""


QUIET = frozenset({Verdict.PASS, Verdict.NOT_APPLICABLE})
"""A case with such a verdict has nothing that anybody would look for among its packets."""


class Runner:
    """One bench and what runs on it, case by case.

    *open_bench* is called for the first case that can run; *evidence* is the bundle's ``evidence/`` folder, or
    ``None`` where none is kept. What *redact* knows is overwritten in all that leaves the runner, after the wire rules
    have read it; captures hold what decrypts TLS only with *tls_secrets*.
    """

    def __init__(
        self,
        open_bench: Callable[[], Bench],
        catalogue: Catalogue,
        seed: int,
        evidence: Path | None,
        redact: Redactor | None = None,
        *,
        tls_secrets: bool = True,
    ) -> None:
        self._open_bench = open_bench
        self._catalogue = catalogue
        self._seed = seed
        self._evidence = evidence
        self._redact = redact or Redactor()
        self._tls_secrets = tls_secrets
        self._bench: Bench | None = None
        self._bench_failure = ""
        self._area = ""
        self._lost = ""
        self._lost_groups = 0
        self._looked = False

    @property
    def bench(self) -> Bench | None:
        """The bench, once a case has needed it."""
        return self._bench

    def close(self) -> None:
        """Take the bench down."""
        if self._bench is not None:
            self._bench.close()
            self._bench = None

    def run(self, spec: CaseSpec, body: Body) -> CaseResult:
        """Run one case; never raises anything but KeyboardInterrupt and the like."""
        started = time.monotonic()
        case = Case(spec, self._catalogue, seed_for(self._seed, spec.id))
        bench = self._ready(case)
        if bench is None:
            return self._result(case, started, 0.0, self._wire_of_the_wait(case))
        before = bench.clock.now()
        self._attempt(case, lambda: body(bench, case))
        device_seconds = bench.clock.now() - before
        transcript = self._tidy(bench, case)
        wire = self._wire(bench, case, transcript)
        self._keep_evidence(bench, case, transcript)
        return self._result(case, started, device_seconds, wire)

    def run_apart(self, spec: CaseSpec, body: Callable[[Case], Transcript]) -> CaseResult:
        """Run a case that brings a bench of its own, which gives its transcript; never raises, as `run`.

        There is one device: the runner's own bench is taken down first, and built anew for the next case.
        """
        started = time.monotonic()
        case = Case(spec, self._catalogue, seed_for(self._seed, spec.id))
        self.close()
        self._area, self._lost, self._lost_groups = "", "", 0
        told: list[Transcript] = []
        self._attempt(case, lambda: told.append(body(case)))
        for transcript in told:
            self._keep_transcript(case, transcript)
        return self._result(case, started, 0.0, ())

    # --- before ---

    def _ready(self, case: Case) -> Bench | None:
        """The bench, fit for *case*; ``None`` when the case is settled without it."""
        try:
            if self._bench is None and not self._bench_failure:
                self._bench = self._open_bench()
        except (DriverError, Inconclusive, ClockError) as error:
            self._bench_failure = f"the device could not be brought up: {error}"
        except Exception as error:
            self._bench_failure = f"the bench could not be built: {error}"
            case.observe(traceback.format_exc(limit=-4))
        if self._bench is None:
            case.settle(Verdict.NOT_RUN, self._bench_failure)
            return None
        bench = self._bench
        missing = bench.device.capabilities.lacks(case.spec.needs)
        if missing:
            case.settle(Verdict.NOT_APPLICABLE, "the device does not have: " + ", ".join(missing))
            return None
        if case.spec.packets and (reason := bench.no_packets()):
            case.settle(Verdict.NOT_RUN, reason)
            return None
        if case.spec.area != self._area and self._lost_groups < GIVE_UP:
            self._area = case.spec.area
            self._lost = self._sanity(bench)
            self._lost_groups = self._lost_groups + 1 if self._lost else 0
        elif self._lost and self._lost_groups == 0:
            # It was lost by the last case, and not yet looked for.
            self._lost = self._sanity(bench)
            self._lost_groups = 1 if self._lost else 0
        if self._lost:
            case.settle(Verdict.NOT_RUN, f"device lost: {self._lost}")
            return None
        bench.begin()
        return bench

    def _sanity(self, bench: Bench) -> str:
        """A plain session; with a restart in between where the first try fails. The reason, or ``""``."""
        self._looked = True
        try:
            reason = bench.works()
            if reason:
                bench.revive()
                reason = bench.works()
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return reason

    # --- the case ---

    def _attempt(self, case: Case, act: Callable[[], None]) -> None:
        try:
            act()
        except (Inconclusive, DriverError, ClockError) as error:
            case.observe(str(error))
            case.settle(Verdict.INCONCLUSIVE, str(error))
        except NotApplicable as error:
            case.settle(Verdict.NOT_APPLICABLE, str(error))
        except NotRun as error:
            case.settle(Verdict.NOT_RUN, str(error))
        except Exception as error:
            self._error(case, error)
        else:
            case.settle(Verdict.INCONCLUSIVE, "the case ended without judging this")

    @staticmethod
    def _error(case: Case, error: BaseException) -> None:
        case.observe("".join(traceback.format_exception(error, limit=-8)))
        first = case.spec.verifies[0]
        case.assertions.append(
            Assertion(first, Verdict.ERROR, "a verdict", "none", f"{type(error).__name__}: {error}")
        )
        case.settle(Verdict.ERROR, "the case ended early by an error of the harness")

    # --- after ---

    def _tidy(self, bench: Bench, case: Case) -> Transcript:
        """Put back what the case changed; a device that cannot be put back is lost."""
        try:
            bench.restore()
        except (Inconclusive, DriverError, ClockError) as error:
            case.observe(f"after the case: {error}")
            self._lost = str(error)
        except Exception as error:
            self._error(case, error)
            self._lost = f"{type(error).__name__}: {error}"
        if not self._lost and (gone := bench.device.gone()):
            case.observe(f"after the case: {gone}")
            self._lost = gone
        return bench.take_transcript()

    def _wire(self, bench: Bench, case: Case, transcript: Transcript) -> tuple[Assertion, ...]:
        results: Sequence[RuleResult] = judge(transcript, credentials=bench.known_credentials())
        return tuple(to_assertions(results, lambda requirement: self._catalogue[requirement].level))

    def _wire_of_the_wait(self, case: Case) -> tuple[Assertion, ...]:
        """The rules over what came before a case that did not run: they may tell why the device is lost."""
        if self._bench is None:
            return ()
        transcript = self._bench.take_transcript()
        if not self._lost or not self._looked:
            return ()
        self._looked = False
        self._keep_evidence(self._bench, case, transcript)
        return self._wire(self._bench, case, transcript)

    def _keep_evidence(self, bench: Bench, case: Case, transcript: Transcript) -> None:
        if self._evidence is None:
            return
        folder, whole = self._evidence / case.spec.id, self._keep_transcript(case, transcript)
        try:
            # Nobody reads the packets of a good case but those that it names.
            in_words = worst(each.verdict for each in case.assertions) not in QUIET
            if self._redact:
                self._keep_clean_capture(bench, folder, whole, in_words)
            else:
                bench.save_capture(folder, tls_secrets=self._tls_secrets, in_words=in_words)
        except (LabError, PcapngError) as error:
            case.observe(f"the capture of this case is lost: {error}")

    def _keep_transcript(self, case: Case, transcript: Transcript) -> list[bytes]:
        """Write it down without secrets; the octets that were overwritten whole."""
        clean, whole = redact_records.transcript(transcript, self._redact)
        if self._evidence is not None:
            folder = self._evidence / case.spec.id
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "transcript.json").write_bytes(encode(clean))
        return whole

    def _keep_clean_capture(self, bench: Bench, folder: Path, whole: Sequence[bytes], in_words: bool) -> None:
        """No secret reaches the bundle's folder, even for a moment: a run may be killed at any time."""
        with tempfile.TemporaryDirectory(prefix="cpecheck-capture-") as name:
            bench.save_capture(Path(name), tls_secrets=self._tls_secrets, in_words=in_words)
            for file in Path(name).iterdir():
                data = file.read_bytes()
                clean = (
                    pcapng_redact.redact(data, self._redact.data, whole) if file.suffix == ".pcapng" else data
                )
                (folder / file.name).write_bytes(clean)

    def _result(
        self, case: Case, started: float, device_seconds: float, wire: tuple[Assertion, ...]
    ) -> CaseResult:
        spec = case.spec
        kept = self._evidence is not None and (self._evidence / spec.id).exists()
        unjudged = [
            assertion.reason
            for assertion in case.assertions
            if assertion.verdict not in (Verdict.PASS, Verdict.FAIL, Verdict.WARN)
        ]
        result = CaseResult(
            id=spec.id,
            version=spec.version,
            title=spec.title,
            area=spec.area,
            verdict=worst(assertion.verdict for assertion in case.assertions),
            requirements=spec.verifies,
            assertions=tuple(case.assertions),
            wire=wire,
            steps=tuple(case.steps),
            observations=tuple(case.observations),
            reason=unjudged[0] if unjudged else "",
            seed=case.seed,
            seconds=round(time.monotonic() - started, 3),
            device_seconds=round(device_seconds, 3),
            evidence=spec.id if kept else "",
        )
        return redact_records.case(result, self._redact)
