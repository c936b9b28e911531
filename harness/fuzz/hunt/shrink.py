"""Making a failing program small: fewer edits, smaller numbers and texts, fewer messages, elements, octets.

Pure but for the callback. What a message may do to a correct device depends on what is in it, so a candidate
never keeps an expectation that it might no longer deserve: it either has none, so that the failure must show
itself without one, or it is as ill-formed as the first, or it is not tried.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, TypeAlias, TypeVar

import msgspec

from harness.fuzz.facts import DeviceFacts
from harness.fuzz.http import edits as edits_http
from harness.fuzz.hunt import asked
from harness.fuzz.hunt.search import least, minimal
from harness.fuzz.program import Action, Ask, Edit, Expect, Expectation, Program, Raw, Reply, Surface, Wanted
from harness.fuzz.session import edits as edits_session
from harness.fuzz.soap.build import ILL_FORMED, is_ill_formed
from harness.fuzz.soap.edits import SIZES, TEXTS, apply, edit
from harness.fuzz.soap.xml_tree import parse, paths

T = TypeVar("T")
Fails: TypeAlias = Callable[[Program], bool]
_TEXT_CALLS: Final = 60
"""Calls spent on the text of one edit."""
_LONGEST_TEXT: Final = 512
"""Characters of a text that is searched for what matters in it; a longer one matters by its length."""
_FEW: Final = 3
"""With at most so many edits left, they explain the case, and elements are all that is taken out of messages that
are no longer whole; with more, its octets are cut down."""


class Spent(Exception):
    """The budget is used up."""


class _Asking:
    """The callback, what it has cost, what is already known."""

    def __init__(self, fails: Fails, budget: int) -> None:
        self._fails = fails
        self._left = budget
        self._known: dict[str, bool] = {}
        self.calls = 0

    def holds(self, program: Program) -> bool:
        """Whether *program* fails; asked once for each program.

        Raises:
            Spent: the budget is used up.
        """
        digest = program.digest
        if digest not in self._known:
            if self._left <= 0:
                raise Spent
            self._left -= 1
            self.calls += 1
            self._known[digest] = self._fails(program)
        return self._known[digest]


def _anything(_program: Program) -> bool:
    return True


def shrink(
    program: Program,
    fails: Fails,
    budget: int,
    allowed: Callable[[Program], bool] = _anything,
    device: DeviceFacts | None = None,
) -> Program:
    """The smallest program found that still *fails*, with at most *budget* calls of it.

    *program* itself is taken to fail. Whatever else is returned has failed when it was asked about. Only
    programs that are *allowed* are asked about: fewer edits may do more harm than all of them. The course of a session
    is made anew with fewer edits where the *device* is known that it was made for.
    """
    return Shrinking(program, fails, budget, allowed, device).best


class Shrinking:
    """The stages, over one program. ``best`` is the result; ``calls`` what it has cost."""

    def __init__(
        self,
        program: Program,
        fails: Fails,
        budget: int,
        allowed: Callable[[Program], bool] = _anything,
        device: DeviceFacts | None = None,
    ) -> None:
        self.best = program
        self._device = device
        self._shrinker = _Asking(fails, budget)
        self._allowed = allowed
        self._may_be: Callable[[Program], bool] = _anything
        try:
            if self._free():
                self._edits()
                few = len(self.best.origin.edits) <= _FEW and self._explained(self.best)
                self._actions()
                self._asked()
                if not few or not self._explained(self.best):
                    self._elements()
                if not few:
                    self._octets()
        except Spent:
            pass

    @property
    def calls(self) -> int:
        """Calls of the callback."""
        return self._shrinker.calls

    def _free(self) -> bool:
        """Whether candidates can be judged at all, and by what."""
        expectation = self.best.expectation
        if expectation.wanted is Wanted.ANYTHING or not expectation.requirement:
            return True
        # A dead device is dead whatever was expected.
        if self._try(msgspec.structs.replace(self.best, expectation=Expectation())):
            return True
        if expectation == ILL_FORMED:
            self._may_be = _is_ill_formed
            return True
        return False

    def _try(self, program: Program) -> bool:
        """Take *program* when it still fails."""
        if not self._may_be(program) or not self._allowed(program) or not self._shrinker.holds(program):
            return False
        self.best = program
        return True

    # --- edits ---

    def _explained(self, program: Program) -> bool:
        """Whether template and edits give the program."""
        return _same(rendered(program, program.origin.edits, self._device), program)

    def _edits(self) -> None:
        if not self._explained(self.best):
            return
        before: tuple[Edit, ...] = ()
        while before != self.best.origin.edits:
            before = self.best.origin.edits
            minimal(self.best.origin.edits, self._with_edits)
            for index in range(len(self.best.origin.edits)):
                self._smaller(index)

    def _with_edits(self, edits: Sequence[Edit]) -> bool:
        candidate = rendered(self.best, edits, self._device)
        return candidate is not None and self._try(candidate)

    def _with_argument(self, index: int, argument: int, value: str) -> bool:
        edits = list(self.best.origin.edits)
        old = edits[index]
        args = (*old.args[:argument], value, *old.args[argument + 1 :])
        edits[index] = _edit(self.best, old, args)
        return self._with_edits(edits)

    def _smaller(self, index: int) -> None:
        one = self.best.origin.edits[index]
        if one.op in SIZES and SIZES[one.op] < len(one.args):
            at = SIZES[one.op]
            if at + 1 < len(one.args) and one.op.startswith("fill"):
                self._with_argument(index, at + 1, "A")
            least(int(one.args[at]), lambda size: self._with_argument(index, at, str(size)))
        elif one.op in TEXTS and TEXTS[one.op] < len(one.args):
            self._shorter(index, TEXTS[one.op])

    def _shorter(self, index: int, at: int) -> None:
        text = self.best.origin.edits[index].args[at]
        limit = self._shrinker.calls + _TEXT_CALLS
        size = least(len(text), lambda size: self._with_argument(index, at, text[:size]))
        if not 2 <= size <= _LONGEST_TEXT:
            return

        def test(characters: Sequence[str]) -> bool:
            return self._shrinker.calls < limit and self._with_argument(index, at, "".join(characters))

        minimal(tuple(text[:size]), test)

    # --- messages, elements, octets ---

    def _actions(self) -> None:
        groups = _groups(self.best.actions)
        if len(groups) > 1:
            minimal(groups, lambda kept: self._with_actions([action for group in kept for action in group]))

    def _with_actions(self, actions: Sequence[Action]) -> bool:
        return self._try(msgspec.structs.replace(self.best, actions=tuple(actions)))

    def _asked(self) -> None:
        """Fewer entries and shorter values in the RPCs of a program for the model."""
        for index, action in enumerate(self.best.actions):
            if isinstance(action, Ask):
                asked.less(action, partial(self._with_ask, index))

    def _with_ask(self, index: int, action: Ask) -> bool:
        return self._with_actions((*self.best.actions[:index], action, *self.best.actions[index + 1 :]))

    def _elements(self) -> None:
        for index in self._bodies():
            while (body := _body(self.best.actions[index])) and self._one_element_less(index, body):
                pass

    def _one_element_less(self, index: int, body: bytes) -> bool:
        try:
            found = paths(parse(body).root)
        except ValueError:
            return False
        places = sorted((path for path in found if "/" in path), key=lambda path: (path.count("/"), path))
        return any(self._with_body(index, apply(body, (edit("remove", place),))) for place in places)

    def _octets(self) -> None:
        for index in self._bodies():
            minimal(tuple(_body(self.best.actions[index])), partial(self._with_octets, index))

    def _with_octets(self, index: int, octets: Sequence[int]) -> bool:
        return self._with_body(index, bytes(octets))

    def _bodies(self) -> list[int]:
        return [index for index, action in enumerate(self.best.actions) if isinstance(action, Reply | Raw)]

    def _with_body(self, index: int, body: bytes) -> bool:
        old = self.best.actions[index]
        if not body or len(body) >= len(_body(old)):
            return False
        new: Action = Reply(body) if isinstance(old, Reply) else Raw(body)
        return self._with_actions((*self.best.actions[:index], new, *self.best.actions[index + 1 :]))


def _same(one: Program | None, other: Program) -> bool:
    return one is not None and bool(other.origin.edits) and one.actions == other.actions


def rendered(program: Program, edits: Sequence[Edit], device: DeviceFacts | None = None) -> Program | None:
    """*program* with other edits of its template; ``None`` where its surface or form cannot be made anew."""
    origin = program.origin
    if not origin.template:
        return None
    try:
        if program.surface is Surface.SESSION:
            return edits_session.rebuild(device, program, edits) if device is not None else None
        if program.surface is not Surface.SOAP:
            return edits_http.rebuild(program, edits)
        index = next(index for index, action in enumerate(program.actions) if isinstance(action, Reply))
        action = Reply(apply(origin.template, edits))
    except (KeyError, ValueError, StopIteration):
        return None
    return msgspec.structs.replace(
        program,
        actions=(*program.actions[:index], action, *program.actions[index + 1 :]),
        says=_says(program.says, edits),
        origin=msgspec.structs.replace(origin, edits=tuple(edits)),
    )


def _says(old: str, edits: Sequence[Edit]) -> str:
    """The line for people, after the RPC that it began with."""
    rpc, colon, _ = old.partition(": ")
    return f"{rpc}{colon}{'; '.join(one.says for one in edits) or 'a valid message'}"


def _edit(program: Program, old: Edit, args: tuple[str, ...]) -> Edit:
    """*old* with other arguments, and the sentence that goes with them."""
    if program.surface is Surface.SOAP:
        return edit(old.op, old.where, *args)
    return msgspec.structs.replace(old, args=args)


def _is_ill_formed(program: Program) -> bool:
    return all(is_ill_formed(_body(action)) for action in program.actions if isinstance(action, Reply))


def _body(action: Action) -> bytes:
    match action:
        case Reply(body=data) | Raw(data=data):
            return data
        case _:
            return b""


def _groups(actions: Sequence[Action]) -> list[list[Action]]:
    """Messages, each with the waiting for its answer."""
    groups: list[list[Action]] = []
    for action in actions:
        if isinstance(action, Expect) and groups:
            groups[-1].append(action)
        else:
            groups.append([action])
    return groups


__all__ = ["Fails", "Shrinking", "Spent", "least", "minimal", "rendered", "shrink"]
