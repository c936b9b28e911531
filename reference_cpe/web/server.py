"""The web configuration's listener: login, the page, and what its forms do."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from importlib.resources import files
from typing import Any, Final
from urllib.parse import urlsplit

import jinja2
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from reference_cpe import users
from reference_cpe.clock import Clock
from reference_cpe.config import Web
from reference_cpe.container import MOST as LARGEST_CONTAINER
from reference_cpe.container import BadContainer
from reference_cpe.device import Device
from reference_cpe.settings import Refused, SettingsRefused, to_json
from reference_cpe.trust import BadCertificate
from reference_cpe.web import form, view
from reference_cpe.web.doorkeeper import Doorkeeper, Visitor

log = logging.getLogger("reference-cpe.web")

_COOKIE = "reference-cpe"
_VISITOR: Final = web.RequestKey("visitor", Visitor)
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_DONE: Final = {
    "settings": "The settings are stored and in effect.",
    "nothing": "Nothing was changed.",
    "root-ca": "The CWMP root CA certificate is stored.",
    "root-ca-removed": "The CWMP root CA certificate is deleted.",
    "client": "The CWMP container is stored.",
    "client-removed": "The CWMP container is deleted.",
    "rule": "The inbound rule is added.",
    "rule-removed": "The inbound rule is deleted.",
}
"""What the page says after a change, by the word in its address."""


class WebConfiguration:
    """The handlers. Every request counts as work of the device until it is answered."""

    def __init__(self, device: Device, clock: Clock, config: Web) -> None:
        self._device = device
        self._clock = clock
        self._config = config
        # The parts are others after every boot.
        self._door = Doorkeeper(
            config.user, config.password, lambda *pair: users.admits(device.parts.model, *pair)
        )
        self._runner: web.AppRunner | None = None
        folder = files("reference_cpe.web")
        names = ("base.html", "login.html", "page.html", "certificates.html", "rules.html", "fields.html")
        self._style = (folder / "assets" / "style.css").read_text("utf-8")
        self._templates = jinja2.Environment(
            loader=jinja2.DictLoader({n: (folder / "templates" / n).read_text("utf-8") for n in names}),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    async def start(self) -> None:
        """Listen at the configured address.

        Raises:
            OSError: it cannot be had.
        """
        app = web.Application(middlewares=[self._guard], client_max_size=2 * LARGEST_CONTAINER)
        app.add_routes(
            [
                web.get("/login", self._login_page),
                web.post("/login", self._log_in),
                web.post("/logout", self._log_out),
                web.get("/", self._page),
                web.get("/style.css", self._stylesheet),
                web.post("/settings", self._settings),
                web.post("/certificates/root-ca", self._upload_root),
                web.post("/certificates/root-ca/delete", self._remove_root),
                web.post("/certificates/client", self._upload_client),
                web.post("/certificates/client/delete", self._remove_client),
                web.post("/rules/add", self._add_rule),
                web.post("/rules/delete", self._remove_rule),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, *self._config.place).start()
        log.info("web configuration at http://%s/", self._config.listen)

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    # --- who may

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        with self._clock.work():
            await self._device.booted.wait()
            try:
                response = await self._admitted(request, handler)
            except web.HTTPException as error:
                response = error if error.status < 400 else self._refusal(error.status, error.reason)
            except Exception:
                log.exception("%s %s", request.method, request.path)
                response = self._refusal(500, "The device failed inside.")
            response.headers.update(_HEADERS)
            return response

    async def _admitted(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Let a request through: with a session, with login but for the way in, and not forged."""
        if request.path == "/style.css":
            return await handler(request)
        visitor = self._door.visitor(request.cookies.get(_COOKIE, ""), self._clock.now())
        way_in = request.path == "/login"
        if visitor is None or not (visitor.logged_in or way_in):
            if not (way_in and request.method == "GET"):
                raise web.HTTPSeeOther("/login")
            visitor = self._door.welcome(self._clock.now())
        request[_VISITOR] = visitor
        if request.method == "POST":
            await self._check_form(request, visitor)
        return await handler(request)

    async def _check_form(self, request: web.Request, visitor: Visitor) -> None:
        origin = request.headers.get("Origin", "")
        if origin and urlsplit(origin).netloc.lower() != request.host.lower():
            raise web.HTTPForbidden(reason="The form was sent by another site.")
        try:
            proof = (await request.post()).get("proof", "")
        except (ValueError, LookupError, HttpProcessingError):
            raise web.HTTPBadRequest(reason="The form cannot be read.") from None
        if not isinstance(proof, str) or not visitor.proves(proof):
            raise web.HTTPForbidden(reason="The form is out of date. Go back, reload the page and try again.")

    async def _login_page(self, request: web.Request) -> web.Response:
        if request[_VISITOR].logged_in:
            raise web.HTTPSeeOther("/")
        response = self._login(request[_VISITOR], "", 200)
        self._set_cookie(response, request[_VISITOR])
        return response

    async def _log_in(self, request: web.Request) -> web.Response:
        given = await _texts(request)
        now = self._clock.now()
        locked = self._door.locked_for(now)
        visitor = self._door.log_in(request[_VISITOR], given.get("user", ""), given.get("password", ""), now)
        if visitor is None:
            log.warning("web login refused%s", " (locked)" if locked else "")
            locked = self._door.locked_for(now)
            if locked:
                reason = f"Too many wrong logins. Try again in {view.duration(locked)}."
                return self._login(request[_VISITOR], reason, 429)
            return self._login(request[_VISITOR], "User name or password is wrong.", 401)
        response = _see("/")
        self._set_cookie(response, visitor)
        return response

    async def _log_out(self, request: web.Request) -> web.Response:
        self._door.log_out(request[_VISITOR])
        response = _see("/login")
        response.del_cookie(_COOKIE, path="/")
        return response

    def _set_cookie(self, response: web.Response, visitor: Visitor) -> None:
        response.set_cookie(_COOKIE, visitor.token, path="/", httponly=True, samesite="Strict")

    # --- pages

    def _render(self, template: str, code: int, **names: Any) -> web.Response:
        text = self._templates.get_template(template).render(
            product=self._device.parts.config.device.model_name, **names
        )
        return web.Response(text=text, status=code, content_type="text/html")

    def _login(self, visitor: Visitor, error: str, status: int) -> web.Response:
        return self._render("login.html", status, proof=visitor.proof, error=error)

    def _refusal(self, status: int, reason: str) -> web.Response:
        return self._render("base.html", status, error=reason)

    async def _stylesheet(self, _request: web.Request) -> web.Response:
        return web.Response(text=self._style, content_type="text/css")

    async def _page(self, request: web.Request) -> web.Response:
        return self._show(request, done=_DONE.get(request.query.get("done", ""), ""))

    def _show(
        self,
        request: web.Request,
        *,
        done: str = "",
        given: Mapping[str, str] | None = None,
        errors: Mapping[str, str] | None = None,
        rule: Mapping[str, str] | None = None,
        rule_errors: Mapping[str, str] | None = None,
        upload_errors: Mapping[str, str] | None = None,
    ) -> web.Response:
        """The page; with what was refused and why, its status is 422."""
        parts = self._device.parts
        refused = errors or rule_errors or upload_errors
        own = parts.trust.client_certificate()
        now = self._clock.unix() if self._clock.absolute else None
        return self._render(
            "page.html",
            422 if refused else 200,
            proof=request[_VISITOR].proof,
            done=done,
            error="Nothing was changed. Please correct what is marked." if refused else "",
            status=view.status(self._device),
            groups=form.fields(parts.settings.all(), parts.settings.factory, given, errors or {}),
            rules=to_json(parts.settings.value("ipv6_inbound_rules")),
            rule=rule,
            rule_errors=rule_errors or {},
            root=view.stored(parts.trust.anchors(), now),
            client=view.stored(own.chain if own else "", now),
            upload_errors=upload_errors or {},
        )

    # --- changes

    async def _settings(self, request: web.Request) -> web.Response:
        given = await _texts(request)
        settings = self._device.parts.settings
        wanted, errors = form.read_settings(given, settings.all())
        errors |= self._check(wanted)
        if not errors:
            errors |= self._change(wanted)
        if errors:
            return self._show(request, given=given, errors=errors)
        await self._device.network_settled()
        return _see("/?done=settings" if wanted else "/?done=nothing")

    def _check(self, wanted: Mapping[str, Any]) -> dict[str, str]:
        """The reasons against *wanted*, by key: all of them, so that they are shown together."""
        errors = {}
        for key, value in wanted.items():
            try:
                self._device.parts.settings.check(key, value)
            except Refused as error:
                errors[key] = str(error)
        return errors

    def _change(self, wanted: Mapping[str, Any]) -> dict[str, str]:
        """Make the changes, all or none; the reasons against them, by key."""
        try:
            self._device.parts.settings.change(wanted)
        except SettingsRefused as error:
            return error.errors
        except OSError as error:
            return dict.fromkeys(wanted, f"cannot be stored: {error.strerror}")
        return {}

    async def _add_rule(self, request: web.Request) -> web.Response:
        given = await _texts(request)
        rules, errors = form.read_rule(given, self._device.parts.settings.value("ipv6_inbound_rules"))
        if not errors and (reasons := self._change({"ipv6_inbound_rules": rules})):
            errors = {"name": "; ".join(reasons.values())}
        if errors:
            return self._show(request, rule=given, rule_errors=errors)
        await self._device.network_settled()
        return _see("/?done=rule#rules")

    async def _remove_rule(self, request: web.Request) -> web.Response:
        name = (await _texts(request)).get("name", "")
        present = self._device.parts.settings.value("ipv6_inbound_rules")
        left = [rule for rule in present if rule.name != name]
        if len(left) == len(present):
            return _see("/?done=nothing#rules")
        if reasons := self._change({"ipv6_inbound_rules": left}):
            return self._show(request, rule_errors={"name": "; ".join(reasons.values())})
        await self._device.network_settled()
        return _see("/?done=rule-removed#rules")

    async def _upload_root(self, request: web.Request) -> web.Response:
        try:
            self._device.parts.trust.store_root(await _file(request))
        except BadCertificate as error:
            return self._show(request, upload_errors={"root": str(error)})
        self._device.check_certificates()
        return _see("/?done=root-ca#certificates")

    async def _remove_root(self, _request: web.Request) -> web.Response:
        self._device.parts.trust.remove_root()
        return _see("/?done=root-ca-removed#certificates")

    async def _upload_client(self, request: web.Request) -> web.Response:
        passphrase = (await _texts(request)).get("passphrase", "")
        try:
            self._device.parts.trust.store_client(await _file(request), passphrase)
        except BadContainer as error:
            return self._show(request, upload_errors={"client": str(error)})
        self._device.check_certificates()
        return _see("/?done=client#certificates")

    async def _remove_client(self, _request: web.Request) -> web.Response:
        self._device.parts.trust.remove_client()
        return _see("/?done=client-removed#certificates")


def _see(place: str) -> web.Response:
    """Go on with GET: a page that is reloaded sends no form again."""
    return web.Response(status=303, headers={"Location": place})


async def _texts(request: web.Request) -> dict[str, str]:
    """The fields of a submitted form, files left out; of several with one name the first."""
    form_ = await request.post()
    return {key: value for key in form_ if isinstance(value := form_[key], str)}


async def _file(request: web.Request) -> bytes:
    """The uploaded file, empty when none was chosen."""
    given = (await request.post()).get("file")
    return given.file.read() if isinstance(given, web.FileField) else b""
