"""Defects of logins: at the ACS, at file servers, and of those who wake the device."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import h11

from harness.cwmp.digest import parse_challenges
from harness.cwmp.messages import (
    GetParameterNamesResponse,
    GetParameterValuesResponse,
    Message,
    ParameterInfoStruct,
    ParameterValueStruct,
)
from reference_cpe.defects.registry import defect, rewire, tabled
from reference_cpe.exchange import Again, ExchangeFailed
from reference_cpe.gate import Answer
from reference_cpe.http import Headers, Response
from reference_cpe.login import Login
from reference_cpe.parts import Parts
from reference_cpe.session import Action, Session


def _logins(parts: Parts, kind: type[Login]) -> None:
    """Logins at the ACS are of that *kind*."""
    base = parts.exchange

    class Altered(base):  # type: ignore[misc,valid-type]
        def login(self) -> Login:
            place = self.target.place
            if place not in self.logins:
                settings = self.parts.settings
                user = (settings.value("acs_username"), settings.value("acs_password"))
                self.logins[place] = kind(self.parts.digest, user)
            return self.logins[place]  # type: ignore[no-any-return]

    parts.exchange = Altered


class _Careless(Login):
    """Answers Basic wherever it is asked."""

    def challenged(self, headers: Sequence[str], exposed: bool = False) -> str:
        return super().challenged(headers, False)


@defect("basic-answered-in-clear", breaks=["lcos.acs-credentials.basic-over-http"], seen="most devices")
def basic_answered_in_clear(parts: Parts) -> None:
    """Asked for Basic over plain http, the device sends user and password."""
    _logins(parts, _Careless)


@defect("first-challenge-answered", breaks=["cwmp.auth.strongest", "lcos.acs-credentials.basic-over-http"])
def first_challenge_answered(parts: Parts) -> None:
    """Of several challenges the first is answered, and be it Basic."""

    def choose(headers: Sequence[str]) -> Any:
        found = parse_challenges(headers)
        return next((each for each in found if each.scheme.lower() == "basic"), None) or original(headers)

    original = parts.digest.choose
    rewire(parts.digest, choose=choose)
    _logins(parts, _Careless)


@defect("connection-request-pair-tried", breaks=["lcos.acs-credentials.not-connection-request-pair"])
def connection_request_pair_tried(parts: Parts) -> None:
    """An ACS that refuses the pair for the ACS is offered the pair for connection requests."""

    class Trying(Login):
        tried = False

        def challenged(self, headers: Sequence[str], exposed: bool = False) -> str:
            wrong = super().challenged(headers, exposed)
            if "refused" not in wrong or self.tried:
                return wrong
            self.tried, self._challenge = True, None
            self._user = parts.gate.credentials()
            return super().challenged(headers, exposed)

    _logins(parts, Trying)


@defect("acs-login-sent-to-file-servers", breaks=["lcos.acs-credentials.kept-from-others"])
def acs_login_sent_to_file_servers(parts: Parts) -> None:
    """With every file that it fetches the device sends user and password for the ACS, unasked."""
    original = parts.http.style

    def style(headers: Headers) -> Headers:
        names = {name for name, _ in headers}
        if names & {"Content-Length", "Authorization"}:
            return original(headers)
        settings = parts.settings
        pair = f"{settings.value('acs_username')}:{settings.value('acs_password')}"
        basic = base64.b64encode(pair.encode()).decode("ascii")
        return original([*headers, ("Authorization", f"Basic {basic}")])

    rewire(parts.http, style=style)


@defect(
    "stale-nonce-ends-session", breaks=["cwmp.auth.challenged-again", "cwmp.session.answers-each-request"]
)
def stale_nonce_ends_session(parts: Parts) -> None:
    """A challenge in mid-session ends the session, even if it says that the nonce is stale."""
    base = parts.exchange

    class Ending(base):  # type: ignore[misc,valid-type]
        answered = False

        def judge(self, response: Response) -> Again | None:
            if response.status == 401 and self.answered:
                raise ExchangeFailed("401 in mid-session")
            result: Again | None = super().judge(response)
            self.answered = self.answered or result is None
            return result

    parts.exchange = Ending


# --- who wakes the device -------------------------------------------------------------------------------

DELIVERED: Final = (("admin", "admin"), ("root", "root"))


@defect("delivery-login-wakes", breaks=["lcos.connection-request.other-administrators"])
def delivery_login_wakes(parts: Parts) -> None:
    """The logins with which the device is delivered are good for connection requests, too."""
    check, credentials = parts.gate.check, parts.gate.credentials

    def checked(authorization: str | None, method: str, target: str) -> Answer:
        answers = []
        for pair in (credentials(), *DELIVERED):
            rewire(parts.gate, credentials=lambda pair=pair: pair)
            answers.append(check(authorization, method, target))
            rewire(parts.gate, credentials=credentials)
            if answers[-1] is not Answer.REFUSED:
                return answers[-1]
        return answers[0]

    rewire(parts.gate, check=checked)


@defect("nonce-built-in", breaks=["cwmp.connection-request.nonce-changes"])
def nonce_built_in(parts: Parts) -> None:
    """The nonce for connection requests is always the same."""
    original, always = parts.gate.challenge, "0123456789abcdef" * 2

    def challenge(stale: bool = False) -> str:
        header = original(stale)
        nonce = next(reversed(parts.gate._nonces))
        parts.gate._nonces[always] = parts.gate._nonces.pop(nonce)
        return header.replace(nonce, always)

    rewire(parts.gate, challenge=challenge)


@defect(
    "query-not-found",
    breaks=["cwmp.connection-request.extra-data-ignored", "cwmp.connection-request.digest-challenge"],
)
def query_not_found(parts: Parts) -> None:
    """A connection request with a query behind the path is answered with 404."""
    original = parts.listener.judge

    def judge(request: h11.Request) -> tuple[int, Headers]:
        return (404, []) if b"?" in request.target else original(request)

    rewire(parts.listener, judge=judge)


@defect(
    "request-answered-202",
    breaks=[
        "cwmp.connection-request.no-other-refusal",
        "lcos.connection-request.session",
        "lcos.connection-request.any-source",
        "cwmp.connection-request.empty-success",
    ],
)
def request_answered_202(parts: Parts) -> None:
    """A good connection request is answered with 202."""
    parts.listener.success_status = 202


def _forgotten(parts: Parts) -> None:
    original = parts.connection_requested
    rewire(parts, connection_requested=lambda: parts.in_session() or original())


def _disturbing(parts: Parts) -> None:
    original, came = parts.connection_requested, [False]

    class Disturbed(Session):
        def receive(self, status: int, body: bytes) -> Action:
            if came[0]:
                came[0] = False
                return self.end(False, "a connection request came")
            return super().receive(status, body)

    def requested() -> bool:
        came[0] = parts.in_session()
        return original()

    parts.session = Disturbed
    rewire(parts, connection_requested=requested)


DURING = "cwmp.connection-request.during-session"
for _name, _summary, _breaks, _function in (
    ("request-during-session-forgotten", "A connection request during a session is answered with 200 and forgotten.",
     [DURING], _forgotten),
    ("request-during-session-ends-it", "A connection request ends the session that runs.",
     ["cwmp.connection-request.session-undisturbed", "lcos.connection-request.flood"], _disturbing),
):  # fmt: skip
    tabled(_name, _summary, _breaks, _function)


# --- administrators -------------------------------------------------------------------------------------


@defect("administrator-by-parameter", breaks=["lcos.credentials.administrator"])
def administrator_by_parameter(parts: Parts) -> None:
    """The name of the first administrator is a parameter that the ACS may always change."""
    names, values, changes = (
        parts.rpc[name] for name in ("GetParameterNames", "GetParameterValues", "SetParameterValues")
    )
    path = f"{parts.model.definition.stem}Users.User.1.Username"

    def listed(parts: Parts, request: Any) -> Message:
        answer = names(parts, request)
        assert isinstance(answer, GetParameterNamesResponse)
        if request.next_level:
            return answer
        return replace(answer, parameter_list=(*answer.parameter_list, ParameterInfoStruct(path, True)))

    def got(parts: Parts, request: Any) -> Message:
        if request.parameter_names != (path,):
            return values(parts, request)
        return GetParameterValuesResponse(
            (ParameterValueStruct(path, parts.store.get("administrator", "admin")),)
        )

    def changed(parts: Parts, request: Any) -> Message:
        for wanted in request.parameter_list:
            if wanted.name == path:
                parts.store.update(administrator=wanted.value)
        others = tuple(wanted for wanted in request.parameter_list if wanted.name != path)
        return changes(parts, replace(request, parameter_list=others))

    parts.rpc.update(GetParameterNames=listed, GetParameterValues=got, SetParameterValues=changed)
