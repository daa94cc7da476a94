"""Who may call a route. Each route says `dependencies=[needs("kiosk", …)]`; one test lists route × role.

The loopback demo grants every role to this machine only. Elsewhere a bearer token, or the cookie a page gets from
`/login`, says who calls. An address is never trusted, and neither is a page of another origin.
"""

from __future__ import annotations

import functools
from typing import Any
from urllib.parse import urlsplit

from fastapi import Depends, Request

from edge.access.tokens import Identity, Role, who
from edge.parts import identity_of, parts_of
from edge.refusal import Refused

COOKIE = "hall_edge"
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
SCOPED = ("no", "kiosk_id", "zone_id")
"""Path parameters that a token's scope is held against."""


def needs(*roles: Role) -> Any:
    """A route dependency: only these roles may call, `anyone` means that no token is asked for."""

    async def check(request: Request) -> None:
        identity = _identify(request)
        if request.method not in ("GET", "HEAD"):
            _same_origin(request)
        if identity is None:
            if "anyone" not in roles:
                raise Refused("not_signed_in", "请先登录这台设备", "no valid token", status=401)
            identity = Identity("anyone", "anyone")
        elif not _granted(request, identity, roles):
            raise Refused("not_allowed", "这台设备没有这个权限", f"{identity.role} is none of {roles}", status=403)
        request.state.identity = identity

    check.roles = roles  # type: ignore[attr-defined]  # read by the test that lists route × role
    return Depends(check)


def _identify(request: Request) -> Identity | None:
    parts = parts_of(request)
    if parts.hall.access.demo:
        return _demo(request)
    token = request.cookies.get(COOKIE, "")
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        token = bearer.strip()
    if not token:
        return None
    with parts.database.read() as connection:
        return who(connection, token)


def _demo(request: Request) -> Identity:
    """Every role, for this machine only; a name that is not ours in the Host header is a page from elsewhere."""
    host = _hostname(request.headers.get("host", ""))
    if host not in LOOPBACK or request.client is None or request.client.host not in LOOPBACK:
        raise Refused("demo_is_local", "演示模式只能在本机使用", f"host {host!r}", status=403)
    return Identity("ops", "demo")


@functools.lru_cache(maxsize=64)
def _hostname(host: str) -> str | None:
    return urlsplit(f"//{host}").hostname


def _granted(request: Request, identity: Identity, roles: tuple[Role, ...]) -> bool:
    if parts_of(request).hall.access.demo or "anyone" in roles:
        return True
    if identity.role not in roles:
        return False
    scoped = [request.path_params[name] for name in SCOPED if name in request.path_params]
    return identity.scope is None or not scoped or identity.scope in map(str, scoped)


def hold_scope(request: Request, place: object) -> None:
    """A token made for one kiosk, window or zone does not act for another that the request names in its body."""
    scope = identity_of(request).scope
    if scope is not None and str(place) != scope:
        raise Refused("not_allowed", "这台设备没有这个权限", f"the token is for {scope!r}, not {place!r}", status=403)


def _same_origin(request: Request) -> None:
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise Refused("foreign_origin", "请求来自别的网站", f"origin {origin!r}", status=403)
