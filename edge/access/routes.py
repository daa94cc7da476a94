"""Signing a page in: the token that ops made for this device becomes a cookie of its browser."""

from __future__ import annotations

from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from edge.access.tokens import who
from edge.guard import COOKIE, needs
from edge.parts import parts_of
from edge.refusal import Refused

router = APIRouter(include_in_schema=False)

FORM = """<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>登录这台设备</title>
<link rel="stylesheet" href="/static/style.css"><main><h1>登录这台设备</h1>
<form method="post"><label>设备口令 <input name="token" type="password" autocomplete="off" autofocus required></label>
<button>登录</button></form></main></html>"""


@router.get("/login", dependencies=[needs("anyone")])
def form() -> HTMLResponse:
    return HTMLResponse(FORM)


@router.post("/login", dependencies=[needs("anyone")])
async def login(request: Request) -> Response:
    token = parse_qs((await request.body()).decode("ascii", "replace")).get("token", [""])[0].strip()
    with parts_of(request).database.read() as connection:
        identity = who(connection, token)
    if identity is None:
        raise Refused("wrong_token", "口令不对，请向运维要一个新的", status=401)
    response = RedirectResponse("/", status_code=303)
    secure = request.url.scheme == "https"
    response.set_cookie(COOKIE, token, max_age=366 * 86_400, httponly=True, samesite="strict", secure=secure)
    return response
