"""Device and model side by side: each RPC goes to both, every answer and every read-back must agree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from harness.cwmp import messages as m
from harness.fuzz.model import learning
from harness.fuzz.model.mismatch import Mismatch, Step
from harness.fuzz.model.port import Port, Reply
from harness.fuzz.model.predict import Prediction, predict
from harness.fuzz.model.state import CpeModel, Known
from harness.fuzz.model.values import same

MOST: Final = 20
"""Different mismatches after which no more are looked for."""
WRITES: Final = (
    m.SetParameterValues,
    m.AddObject,
    m.DeleteObject,
    m.SetParameterAttributes,
    m.CancelTransfer,
)


class Lockstep:
    """One device under one model. `do` sends; ``mismatches`` grows, one entry for each key."""

    def __init__(
        self, port: Port, model: CpeModel, most: int = MOST, enough: Callable[[], bool] = lambda: False
    ) -> None:
        self.port = port
        self.model = model
        self.mismatches: list[Mismatch] = []
        self.calls = 0
        self._most = most
        self._enough = enough
        self.steps: list[Step] = []
        """What was sent since the device was last believed."""
        self.history: list[Step] = []
        """All that was sent since the model was learnt."""
        self._original = {name: known.may_be[-1] for name, known in model.parameters.items()}
        self._attributes = {name: (k.notification, k.access) for name, k in model.parameters.items()}
        self._original_key = model.key
        self._rows: list[str] = []
        self._in_doubt = ""
        self._deaf = 0

    @property
    def done(self) -> bool:
        """Nothing more is to be learnt: the device is lost, or disagrees about everything; or the time is up."""
        return self.deaf or len(self.mismatches) >= self._most or self._enough()

    @property
    def deaf(self) -> bool:
        """The device answers no more."""
        return self._deaf > 1

    @property
    def own_rows(self) -> list[str]:
        """Paths of the rows that were added here and are still there."""
        return list(self._rows)

    # --- one step

    def do(self, message: m.Message) -> Reply:
        """Send *message*, judge the answer, and read back what it may have changed."""
        expected = predict(self.model, message)
        self.steps.append(Step(message))
        self.history.append(Step(message))
        reply = self._call(message)
        if reply.lost:
            self._lost(message, reply)
            return reply
        if reply.fault is not None:
            self._refused(message, expected, reply.fault)
        elif expected.success is False:
            self._tell(
                f"accepted.{expected.requirement}",
                f"a fault: {expected.why}",
                f"{type(reply.message).__name__}",
                expected.requirement,
                expected,
            )
            self._in_doubt = "accepted"
        elif reply.message is not None:
            self._obeyed(message, reply.message)
        if isinstance(message, WRITES):
            refused = reply.fault is not None or expected.success is False
            self.compare(refused=refused, attributes=not isinstance(message, m.SetParameterValues))
        if self._in_doubt:
            self.resync()
        return reply

    def renew(self) -> None:
        """End the session; what was to take effect before the next one has."""
        self.port.renew()
        self.model.settled()
        self.compare(refused=False)
        if self._in_doubt:
            self.resync()

    def resync(self) -> None:
        """Believe the device, so that one mismatch is not told again and again."""
        self._in_doubt = ""
        learning.values(self._call, self.model)
        learning.rows(self._call, self.model)
        learning.attributes(self._call, self.model)
        self.steps.clear()
        self._rows = [row for row in self._rows if self.model.known(row)]

    def _call(self, message: m.Message) -> Reply:
        self.calls += 1
        reply = self.port.call(message)
        self._deaf = self._deaf + 1 if reply.lost else 0
        return reply

    def _tell(
        self, key: str, expected: str, observed: str, requirement: str, why: Prediction | None = None
    ) -> None:
        """Note a mismatch, once for each key, with all that led to it."""
        sent: list[m.Message] = [step.message for step in self.steps]
        last = next((each for each in reversed(sent) if isinstance(each, WRITES)), sent[-1] if sent else None)
        full = f"{key}.{type(last).__name__}"
        self._in_doubt = key
        if any(each.key == full for each in self.mismatches):
            return
        because = why.because if why is not None else ""
        codes = tuple(sorted(why.codes)) if why is not None and why.success is False else ()
        self.mismatches.append(
            Mismatch(full, expected, observed, requirement, because, tuple(self.steps), codes, bool(codes))
        )

    # --- answers

    def _lost(self, message: m.Message, reply: Reply) -> None:
        name = type(message).__name__
        self._tell("lost", f"an answer to {name}", reply.lost[:200], "cwmp.session.answers-each-request")
        self.port.renew()

    def _refused(self, message: m.Message, expected: Prediction, fault: m.Fault) -> None:
        code, name = fault.fault_code, type(message).__name__
        if code == 9000 and name not in self.model.methods:
            return
        found = f"fault {code} {fault.fault_string[:80]}"
        if expected.success is True:
            self._tell("refused", f"{name}Response", found, expected.requirement, expected)
        elif expected.codes and code not in expected.codes:
            codes = ", ".join(map(str, sorted(expected.codes)))
            self._tell("fault-code", f"a fault of {codes}", found, expected.requirement, expected)

    def _obeyed(self, message: m.Message, response: m.Message) -> None:
        handlers: dict[type[m.Message], Callable[..., None]] = {
            m.SetParameterValues: self._set,
            m.AddObject: self._added,
            m.DeleteObject: self._deleted,
            m.SetParameterAttributes: self._attributes_set,
            m.GetParameterValues: self._values_read,
            m.GetParameterNames: self._names_read,
            m.Download: self._queued,
            m.CancelTransfer: self._cancelled,
            m.GetQueuedTransfers: self._queue_read,
        }
        handler = handlers.get(type(message))
        if type(response).__name__ != f"{type(message).__name__}Response":
            name = type(message).__name__
            found = type(response).__name__
            self._tell("other-response", f"{name}Response", found, "cwmp.session.answers-each-request")
        elif handler is not None:
            handler(message, response)

    def _set(self, message: m.SetParameterValues, response: m.SetParameterValuesResponse) -> None:
        self._key(message.parameter_key)
        for each in message.parameter_list:
            known = self.model.parameters.get(each.name)
            if known is not None:
                # Status 1: the value may still be the old one until the session is over.
                known.may_be = (*known.may_be, each.value) if response.status == 1 else (each.value,)

    def _key(self, key: str) -> None:
        if self.model.key is not None:
            self.model.key = key

    def _added(self, message: m.AddObject, response: m.AddObjectResponse) -> None:
        table, number = self.model.tables.get(message.object_name), response.instance_number
        self._key(message.parameter_key)
        self.steps[-1] = self.history[-1] = Step(message, number)
        if table is None:
            return
        if number in table.rows:
            found = f"{number} again"
            self._tell("number-taken", "a number that no row has", found, "cwmp.add.numbers-stable")
        elif number in table.used:
            found = f"{number}, that of a row deleted before"
            self._tell("number-reused", "a number never used before", found, "cwmp.add.numbers-not-reused")
        table.rows.add(number)
        table.used.add(number)
        row = f"{table.path}{number}."
        self._rows.append(row)
        learning.row(self._call, self.model, row)

    def _deleted(self, message: m.DeleteObject, _response: m.DeleteObjectResponse) -> None:
        self._key(message.parameter_key)
        found = self.model.table_of(message.object_name)
        if found is not None:
            found[0].rows.discard(found[1])
        self.model.forget_below(message.object_name)
        self._rows = [row for row in self._rows if not row.startswith(message.object_name)]
        for known in self.model.parameters.values():
            if any(message.object_name.removesuffix(".") in value for value in known.may_be):
                known.may_be = (*known.may_be, "")  # a reference to the row may be emptied

    def _attributes_set(
        self, message: m.SetParameterAttributes, _response: m.SetParameterAttributesResponse
    ) -> None:
        for each in message.parameter_list:
            for name in [each.name] if each.name in self.model.parameters else self.model.below(each.name):
                known = self.model.parameters[name]
                if each.notification_change:
                    known.notification = each.notification
                if each.access_list_change:
                    known.access = each.access_list

    def _values_read(self, message: m.GetParameterValues, response: m.GetParameterValuesResponse) -> None:
        got = {each.name: each.value for each in response.parameter_list}
        for name in message.parameter_names:
            whole = [name] if name in self.model.parameters else self.model.below(name)
            missing = [each for each in whole if each not in got]
            if missing:
                found = f"{missing[0]} is missing"
                self._tell("values-missing", f"every parameter below {name}", found, "cwmp.values.branch")
        strangers = [name for name in got if self.model.unknown(name)]
        if strangers:
            self._tell("values-surplus", "only what there is", strangers[0], "cwmp.values.branch")
        self._agree(got, refused=False)

    def _names_read(self, message: m.GetParameterNames, response: m.GetParameterNamesResponse) -> None:
        table = self.model.tables.get(message.parameter_path)
        if table is None or not message.next_level:
            return
        got = {each.name for each in response.parameter_list}
        wanted = {f"{table.path}{number}." for number in table.rows}
        if got != wanted:
            expected, found = ", ".join(sorted(wanted)), ", ".join(sorted(got))
            self._tell("rows", expected or "no rows", found or "no rows", "cwmp.names.next-level")

    def _queued(self, message: m.Download, _response: m.DownloadResponse) -> None:
        self.model.transfers.append(message.command_key)

    def _cancelled(self, message: m.CancelTransfer, _response: m.CancelTransferResponse) -> None:
        self.model.transfers = [key for key in self.model.transfers if key != message.command_key]

    def _queue_read(self, _message: m.GetQueuedTransfers, response: m.GetQueuedTransfersResponse) -> None:
        got = sorted(each.command_key for each in response.transfer_list)
        wanted = sorted(self.model.transfers)
        if got != wanted:
            self._tell("queue", f"transfers {wanted}", f"transfers {got}", "cwmp.queue.listed")

    # --- read-back

    def compare(self, *, refused: bool, attributes: bool = True) -> None:
        """Read all that is under watch: values, counts, ParameterKey, and *attributes* where they may have changed.

        *refused*: the last RPC was, so that nothing at all may have changed.
        """
        if self._in_doubt:
            return
        names = [*self.model.parameters]
        if self.model.key is not None:
            names.append(self.model.key_name)
        counters = {t.counter: t for t in self.model.tables.values() if t.counter}
        read = learning.read(self._call, [*names, *counters])
        if read is None:
            found = "a fault, or no answer"
            self._tell("read-back", "the values of what there is", found, "cwmp.values.one-parameter")
            return
        self._agree(read, refused=refused)
        for counter, table in counters.items():
            if counter in read and not same("unsignedInt", read[counter], str(len(table.rows))):
                expected = f"{counter} = {len(table.rows)}"
                self._tell("count", expected, f"it reads {read[counter][:40]!r}", "cwmp.add.count-parameter")
        if attributes and "GetParameterAttributes" in self.model.methods:
            self._compare_attributes(refused=refused)

    def _agree(self, read: dict[str, str], *, refused: bool) -> None:
        for name, known in self.model.parameters.items():
            if name in read and not known.reads(read[name]):
                self._other_value(known, read[name], refused)
        key = self.model.key
        if key is not None and read.get(self.model.key_name, key) != key:
            found = read[self.model.key_name]
            kind = "key-on-fault" if refused else "key"
            self._tell(kind, f"ParameterKey is {key!r}", f"it is {found[:80]!r}", "cwmp.set.parameter-key")

    def _other_value(self, known: Known, text: str, refused: bool) -> None:
        expected = f"{known.name} = {known.may_be[-1][:80]!r}"
        kind = "changed-by-fault" if refused else "other-value"
        requirement = "cwmp.set.atomic" if refused else "cwmp.robust.stored-as-sent"
        self._tell(kind, expected, f"it reads {text[:80]!r}", requirement)

    def _compare_attributes(self, *, refused: bool) -> None:
        read = learning.read_attributes(self._call, [*self.model.parameters])
        for name, entry in (read or {}).items():
            known = self.model.parameters.get(name)
            if known is None:
                continue
            wanted = (known.notification, known.access)
            found = (entry.notification, entry.access_list)
            if any(one is not None and one != other for one, other in zip(wanted, found, strict=True)):
                kind = "attributes-by-fault" if refused else "attributes"
                requirement = "cwmp.attributes.atomic" if refused else "cwmp.attributes.change-flags"
                self._tell(
                    kind, f"{name} has {_attributes(*wanted)}", f"it has {_attributes(*found)}", requirement
                )

    def set_key(self, key: str) -> None:
        """Make *key* the ParameterKey, by setting a parameter to the value that it has."""
        known = next((each for each in self.model.parameters.values() if each.writable), None)
        if self.model.key in (None, key) or known is None:
            return
        wanted = (m.ParameterValueStruct(known.name, known.may_be[-1], known.type),)
        if isinstance(self._call(m.SetParameterValues(wanted, key)).message, m.SetParameterValuesResponse):
            self.model.key = key

    # --- afterwards

    def restore(self) -> list[str]:
        """Put back what was changed here; what could not be, in words."""
        for row in [row for row in self._rows if not any(row != o and row.startswith(o) for o in self._rows)]:
            self._call(m.DeleteObject(row, self.model.key or ""))
        for key in dict.fromkeys(self.model.transfers):
            self._call(m.CancelTransfer(key))
        self._rows, self.model.transfers = [], []
        now = learning.read(self._call, [*self._original]) or {}
        kinds = self.model.parameters
        left = []
        for name, text in self._original.items():
            known = kinds.get(name)
            if known is None or not known.writable or same(known.type, now.get(name, text), text):
                continue
            wanted = (m.ParameterValueStruct(name, text, known.type),)
            if self._call(m.SetParameterValues(wanted, self.model.key or "")).fault is not None:
                left.append(f"{name} is no longer {text[:40]!r}")
        self._restore_attributes()
        if self._original_key is not None:
            self.resync()
            self.set_key(self._original_key)
        self.port.renew()
        return left

    def _restore_attributes(self) -> None:
        changed = [
            m.SetParameterAttributesStruct(name, True, notification, access is not None, access or ())
            for name, (notification, access) in self._attributes.items()
            if notification is not None
            and name in self.model.parameters
            and (self.model.parameters[name].notification, self.model.parameters[name].access)
            != (notification, access)
        ]
        if changed:
            self._call(m.SetParameterAttributes(tuple(changed)))


def _attributes(notification: int | None, access: Sequence[str] | None) -> str:
    """Attributes in words; what is not known is left out."""
    words = [] if notification is None else [f"Notification {notification}"]
    if access is not None:
        words.append(f"AccessList {', '.join(access)[:60] or 'empty'}")
    return ", ".join(words)
