"""Edits of HTTP messages and of sessions: each does what it says, any subset is a program."""

from __future__ import annotations

import itertools
import random

import pytest

from harness.fuzz.connection_request.messages import FIELDS, PLAIN
from harness.fuzz.connection_request.programs import connection_request
from harness.fuzz.facts import DeviceFacts
from harness.fuzz.http.edits import EDITORS, apply, edit, rebuild
from harness.fuzz.http.programs import http
from harness.fuzz.program import Edit, Raw
from harness.fuzz.session import edits as edits_session
from harness.fuzz.session.programs import session

MESSAGE = b"HTTP/1.1 200 OK\r\nA: 1\r\nContent-Length: 5\r\n\r\nhello"


@pytest.mark.parametrize(
    ("change", "result"),
    [
        (edit("start-line", "", "X"), b"X\r\nA: 1\r\nContent-Length: 5\r\n\r\nhello"),
        (edit("set-header", "a", "2"), b"HTTP/1.1 200 OK\r\na: 2\r\nContent-Length: 5\r\n\r\nhello"),
        (edit("set-header", "B", "2"), MESSAGE),
        (edit("add-header", "B", "2"), b"HTTP/1.1 200 OK\r\nA: 1\r\nContent-Length: 5\r\nB: 2\r\n\r\nhello"),
        (edit("drop-header", "content-length"), b"HTTP/1.1 200 OK\r\nA: 1\r\n\r\nhello"),
        (edit("grow-header", "A", "xy", "2"), MESSAGE.replace(b"A: 1", b"A: 1xyxy")),
        (
            edit("flood-headers", "N%d", "2", "v"),
            MESSAGE.replace(b"5\r\n\r\n", b"5\r\nN0: v\r\nN1: v\r\n\r\n"),
        ),
        (edit("line", "", "junk"), MESSAGE.replace(b"5\r\n\r\n", b"5\r\njunk\r\n\r\n")),
        (edit("body", "", "ab", "2"), MESSAGE.replace(b"hello", b"abab")),
        (edit("insert", "4", "\xff"), b"HTTP\xff/1.1" + MESSAGE[8:]),
        (edit("delete", "0", "5"), MESSAGE[5:]),
        (edit("flip", "0", "32"), b"h" + MESSAGE[1:]),
        (edit("flip", "999", "1"), MESSAGE),
        (edit("truncate", "8"), b"HTTP/1.1"),
        (edit("line-ends", "", "\n"), MESSAGE.replace(b"\r\n", b"\n")),
    ],
)
def test_an_edit_changes_what_it_names(change: Edit, result: bytes) -> None:
    assert apply(MESSAGE, [change]) == result


def test_the_target_grows() -> None:
    assert apply(b"GET /a HTTP/1.1\r\n\r\n", [edit("grow-target", "", "b", "3")]).startswith(
        b"GET /abbb HTTP"
    )


@pytest.mark.parametrize(
    ("change", "has", "lacks"),
    [
        (edit("set-parameter", "nonce", '"x"'), b', nonce="x", uri=', b"@{cr.nonce}"),
        (edit("set-parameter", "nc", "0"), b", nc=0, cnonce=", b"00000001"),
        (edit("set-parameter", "cnonce", "A", "300"), b'cnonce="' + b"A" * 300 + b'"', b"0a4f113b"),
        (edit("drop-parameter", "username"), b'Digest, realm="', b"username"),
        (edit("drop-parameter", "qop"), b", nc=00000001", b"qop"),
        (edit("add-parameter", "p%d", "1", "2"), b", p0=1, p1=1\r\n", b"p2"),
    ],
)
def test_an_edit_of_the_login_touches_one_parameter(change: Edit, has: bytes, lacks: bytes) -> None:
    changed = apply(FIELDS, [change])
    assert has in changed
    assert lacks not in changed


def test_every_operation_takes_a_message_without_its_place() -> None:
    for name in EDITORS:
        args = ("1", "1") if name != "flood-headers" else ("2", "v")
        assert isinstance(apply(b"", [Edit(name, "0", args)]), bytes)


def test_every_subset_of_the_edits_is_a_program() -> None:
    for prepared in (connection_request(DeviceFacts()), http(DeviceFacts())):
        for arm in prepared.arms:
            made = arm.make(random.Random(7), 7)
            assert rebuild(made, made.origin.edits).actions == made.actions
            bare = rebuild(made, ())
            assert Raw(made.origin.template) in bare.actions


def test_a_program_without_a_template_is_not_rebuilt() -> None:
    made = next(p for p in connection_request(DeviceFacts()).nasty if p.origin.name == "cr.zeros")
    with pytest.raises(ValueError, match="not made by edits"):
        rebuild(made, ())


def test_edits_of_a_session() -> None:
    steps = b"a b c"
    assert edits_session.apply(steps, [Edit("insert", "3", ("d",))]) == ["a", "b", "c", "d"]
    assert edits_session.apply(steps, [Edit("drop", "0")]) == ["b", "c"]
    assert edits_session.apply(steps, [Edit("replace", "1", ("x",))]) == ["a", "x", "c"]
    assert edits_session.apply(steps, [Edit("repeat", "1", ("2",))]) == ["a", "b", "b", "b", "c"]
    assert edits_session.apply(steps, [Edit("swap", "0")]) == ["b", "a", "c"]
    assert edits_session.apply(steps, [Edit("drop", "9"), Edit("swap", "2")]) == ["a", "b", "c"]
    with pytest.raises(ValueError, match="no edit of a session"):
        edits_session.apply(steps, [Edit("flip", "0")])


def test_a_session_is_rebuilt_from_any_of_its_edits() -> None:
    device = DeviceFacts()
    for seed in range(20):
        made = session(device).arms[1].make(random.Random(seed), seed)
        assert edits_session.rebuild(device, made, made.origin.edits).actions == made.actions
        for one in itertools.islice(made.origin.edits, 3):
            assert edits_session.rebuild(device, made, (one,)).says == ", ".join(
                edits_session.apply(made.origin.template, (one,))
            )


def test_the_plain_template_is_one_request() -> None:
    assert PLAIN.count(b"\r\n\r\n") == 1
