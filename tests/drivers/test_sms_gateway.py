"""SMS gateways: requests and answers without a network, then over sockets of this machine, with and without TLS."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import gzip
import ipaddress
import json
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from drivers import sms_gateway
from drivers.base import Messenger, Misconfigured, ProtocolError, Rejected, Unreachable
from drivers.sms_gateway import DEVICE, Gateway, fill, find, judge
from tests import frames_toml as golden
from tests.wire import End, pair

GOLDEN = {frame.name: frame for frame in golden.load("sms_gateway")}
MESSAGE, TAKEN, REFUSED = (GOLDEN[name] for name in ("a message", "it is taken", "it is refused"))
NUMBER, TEXT = MESSAGE.means["number"], MESSAGE.means["text"]
URL = "https://sms.example.gov.cn/send"
BODY = {"to": "{number}", "content": "{text}", "priority": 1}
OPTIONS = {"url": URL, "body": BODY, "ok": {"code": 0}, "reference": "/data/id"}
Handler = Callable[[httpx.Request], httpx.Response] | Callable[[httpx.Request], Coroutine[None, None, httpx.Response]]


async def nobody() -> End:
    raise Unreachable("nobody is there")


def response(status: int, body: bytes = b"", **headers: str) -> httpx.Response:
    return httpx.Response(status, stream=httpx.ByteStream(body), headers=headers)


def answers(status: int, body: bytes = b"") -> Handler:
    return lambda _: response(status, body)


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Gateway]:
    """A gateway that is answered by a function."""

    def make(handler: Handler, **options: Any) -> Gateway:
        async def open_client() -> httpx.AsyncClient:
            return httpx.AsyncClient(transport=httpx.MockTransport(handler))

        monkeypatch.setattr(sms_gateway, "open_client", open_client)
        return Gateway(nobody, OPTIONS | options)

    return make


Make = Callable[..., Gateway]


def test_it_is_a_messenger() -> None:
    assert DEVICE is Gateway
    assert issubclass(Gateway, Messenger)


# ---- templates and answers


def test_blanks_are_filled_at_any_depth_and_what_fills_them_is_left_alone() -> None:
    template = {"a": ["{text}", {"b": "<{number}|{text}>"}], "{text}": 1, "c": None, "d": "{Text} {} {"}
    filled = fill(template, {"text": "{number} {", "number": "1"})
    assert filled == {"a": ["{number} {", {"b": "<1|{number} {>"}], "{text}": 1, "c": None, "d": "{Text} {} {"}


def test_a_blank_that_nothing_fills_is_named() -> None:
    with pytest.raises(Misconfigured, match=r"\{token\}"):
        fill(["{text} {token}"], {"text": ""})


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("code", 0),
        ("a/b", 1),
        ("/code", 0),
        ("/data/ids/1", "y"),
        ("/a~1b", 1),
        ("/m~0n", 2),
        ("/", 3),
        ("nothing", None),
        ("/data/nothing", None),
        ("/data/ids/2", None),
        ("/data/ids/-1", None),
        ("/code/x", None),
    ],
)
def test_places_of_an_answer(place: str, value: Any) -> None:
    document = {"code": 0, "a/b": 1, "m~n": 2, "": 3, "data": {"ids": ["x", "y"]}}
    found = find(document, place)
    assert found is sms_gateway.MISSING if value is None else found == value


@pytest.mark.parametrize(
    ("status", "error", "reason"),
    [
        (301, Misconfigured, None),
        (307, Misconfigured, None),
        (400, Rejected, "refused"),
        (401, Misconfigured, None),
        (403, Misconfigured, None),
        (404, Misconfigured, None),
        (405, Misconfigured, None),
        (422, Rejected, "refused"),
        (429, Rejected, "busy"),
        (500, Unreachable, None),
        (502, Unreachable, None),
        (503, Rejected, "busy"),
        (504, Unreachable, None),
    ],
)
def test_what_a_status_means(status: int, error: type[Exception], reason: str | None) -> None:
    with pytest.raises(error, match=str(status)) as caught:
        judge(status, TAKEN.raw, {}, "")
    assert getattr(caught.value, "reason", None) == reason


@pytest.mark.parametrize(
    ("body", "ok", "reference", "found"),
    [
        (TAKEN.raw, {"code": 0}, "/data/id", TAKEN.means["reference"]),
        (TAKEN.raw, {}, "code", "0"),
        (TAKEN.raw, {}, "", None),
        (TAKEN.raw, {}, "/data/nothing", None),
        (b"", {}, "/data/id", None),
        (b"<html>", {}, "id", None),
        (b'{"id": true}', {}, "id", None),
        (b'{"id": ""}', {}, "id", None),
        (b'{"id": ["x"]}', {}, "id", None),
        (b'{"id": "%s"}' % (b"x" * 65), {}, "id", None),
        (b'{"a": "yes", "b": 1}', {"a": "yes", "b": 1}, "", None),
    ],
)
def test_a_message_that_is_taken(body: bytes, ok: dict[str, Any], reference: str, found: str | None) -> None:
    assert judge(200, body, ok, reference) == found
    assert judge(202, body, ok, reference) == found


@pytest.mark.parametrize(
    ("body", "ok", "detail"),
    [
        (REFUSED.raw, {"code": 0}, "code is 1023"),
        (b'{"ok": "isv.LIMIT_CONTROL"}', {"ok": "OK"}, "ok is isv.LIMIT_CONTROL"),
        (b'{"ok": true}', {"ok": 1}, "ok is True"),
        (b'{"ok": "0"}', {"ok": 0}, "ok is another"),
        (b'{"ok": 13800138000}', {"ok": 0}, "ok is another"),
        (b'{"ok": "13800138000"}', {"ok": 0}, "ok is another"),
        (b'{"ok": {"a": 1}}', {"ok": 0}, "ok is another"),
    ],
)
def test_an_answer_that_is_not_ok_is_rejected(body: bytes, ok: dict[str, Any], detail: str) -> None:
    with pytest.raises(Rejected) as caught:
        judge(200, body, ok, "")
    assert str(caught.value) == f"refused: {detail}"


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"<html>", b"\xff", b"[" * 60_000, b"null", b"9" * 5000])
def test_an_answer_without_what_says_ok_is_a_protocol_error(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        judge(200, body, {"code": 0}, "id")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=4,
)


@given(st.binary(max_size=50) | JSON.map(lambda value: json.dumps(value).encode()), st.integers(100, 599))
def test_any_answer_raises_only_the_four_errors(body: bytes, status: int) -> None:
    with contextlib.suppress(Rejected, Unreachable, ProtocolError, Misconfigured):
        reference = judge(status, body, {"/a": 0}, "/b/0")
        assert reference is None or 0 < len(reference) <= 64


# ---- options


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("url", ""),
        ("url", "http://sms.example.gov.cn/send"),
        ("url", "ftp://sms.example.gov.cn/send"),
        ("url", "https:///send"),
        ("url", "https://user:word@sms.example.gov.cn/send"),
        ("url", "https://sms.example.gov.cn:port/send"),
        ("url", "https://sms.example.gov.cn/send?to={number}"),
        ("url", "http://10.0.0.7/send"),
        ("body", {}),
        ("body", {"to": "{number}"}),
        ("body", {"content": ["{text}"]}),
        ("headers", {"X Y": "z"}),
        ("headers", {"X": 1}),
        ("headers", {"Content-Length": "1"}),
        ("headers", {"Authorization": "Bearer abc"}),
        ("headers", {"X-Api-Key": "abc"}),
        ("headers", {"X-To": "{number}"}),
    ],
)
def test_wrong_options_are_misconfigured(option: str, value: Any) -> None:
    options = OPTIONS | {option: value}
    with pytest.raises(Misconfigured):
        Gateway(nobody, options)
    with pytest.raises(Misconfigured):
        Gateway.lacks(options, Messenger, 0)


@pytest.mark.parametrize(
    "url", [URL, "https://sms.example.gov.cn:8443", "http://127.0.0.1:8080/send", "http://[::1]/", "http://localhost/"]
)
def test_urls_that_keep_a_message_to_themselves(url: str) -> None:
    assert Gateway.lacks(OPTIONS | {"url": url}, Messenger, 0) is None


def secrets_file(folder: Path, text: str, mode: int = 0o600) -> str:
    path = folder / "sms.toml"
    path.write_text(text)
    path.chmod(mode)
    return str(path)


@pytest.mark.parametrize("mode", [0o400, 0o440, 0o600, 0o640])
async def test_secrets_go_into_headers_and_body(tmp_path: Path, gateway: Make, mode: int) -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return response(200, TAKEN.raw)

    options = {
        "headers": {"Authorization": "Bearer {token}", "X-Hall": "guandu"},
        "body": BODY | {"password": "{password}"},
        "secrets_file": secrets_file(tmp_path, 'token = "t0"\npassword = "秘{number}"\n', mode),
    }
    async with gateway(handler, **options) as device:
        await device.send_text(NUMBER, TEXT)
    assert seen[0].headers["Authorization"] == "Bearer t0"
    assert seen[0].headers["X-Hall"] == "guandu"
    assert json.loads(seen[0].content)["password"] == "秘{number}"


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ('token = "t0"', 0o604),
        ('token = "t0"', 0o602),
        ('token = "t0"', 0o620),
        ('token = "t0', 0o600),
        ("token = 1", 0o600),
        ('number = "1"\ntoken = "t0"', 0o600),
        ('other = "t0"', 0o600),
        ('token = "t\\n0"', 0o600),
        ('token = "秘"', 0o600),
    ],
)
async def test_a_wrong_file_of_secrets_is_misconfigured_and_tells_none(
    tmp_path: Path, gateway: Make, text: str, mode: int
) -> None:
    path = secrets_file(tmp_path, text, mode)
    device = gateway(answers(200), headers={"Authorization": "{token}"}, secrets_file=path)
    with pytest.raises(Misconfigured) as caught:
        await device.__aenter__()
    assert "t0" not in str(caught.value)


@pytest.mark.parametrize(
    "path", ["sms.toml", "/nowhere/sms.toml", "/", str(Path(__file__)), "/dev/null/../null", "/tmp/../dev/zero"]
)
async def test_what_is_no_file_of_secrets_is_misconfigured(gateway: Make, path: str) -> None:
    device = gateway(answers(200), secrets_file=path)
    with pytest.raises(Misconfigured):
        await device.__aenter__()


async def test_secrets_in_the_checkout_are_misconfigured(
    tmp_path: Path, gateway: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = gateway(answers(200), secrets_file=secrets_file(tmp_path, 'token = "t0"'))
    async with device:
        pass
    monkeypatch.setattr(sms_gateway, "CHECKOUT", tmp_path)
    with pytest.raises(Misconfigured, match="checkout"):
        await device.__aenter__()


# ---- the device


@pytest.mark.looptime
async def test_the_golden_request_goes_out(gateway: Make) -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return response(200, TAKEN.raw)

    async with gateway(handler) as device:
        assert await device.send_text("138 0013-8000", TEXT) == TAKEN.means["reference"]
    [request] = seen
    assert (request.method, str(request.url), request.content) == ("POST", URL, MESSAGE.raw)
    assert request.headers["Content-Type"] == "application/json"
    counters = device.counters
    assert (counters.frames_in, counters.bytes_in, counters.bytes_out) == (1, len(TAKEN.raw), len(MESSAGE.raw))


@pytest.mark.looptime
async def test_without_a_reference_of_its_own_ours_is_told(gateway: Make) -> None:
    seen: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(json.loads(request.content)["id"])
        return response(200)

    async with gateway(handler, body=BODY | {"id": "{id}"}, ok={}) as device:
        references = [await device.send_text("+8613800138000", "{number} \ud83d") for _ in range(2)]
    assert references == seen
    assert len(set(seen)) == 2


@pytest.mark.looptime
@pytest.mark.parametrize("number", ["", "12", "1380013800O", "++8613800138000", "1" * 16])
async def test_what_is_no_number_is_rejected(gateway: Make, number: str) -> None:
    async with gateway(answers(500)) as device:
        with pytest.raises(Rejected, match=r"^bad_number$"):
            await device.send_text(number, TEXT)


@pytest.mark.looptime
@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ReadError, httpx.RemoteProtocolError, httpx.ReadTimeout])
async def test_what_breaks_on_the_way_is_unreachable(gateway: Make, error: type[httpx.TransportError]) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise error("words", request=request)

    async with gateway(handler) as device:
        with pytest.raises(Unreachable):
            await device.send_text(NUMBER, TEXT)


@pytest.mark.looptime
async def test_nobody_waits_longer_than_ten_seconds(gateway: Make) -> None:
    async def handler(_: httpx.Request) -> httpx.Response:
        await asyncio.sleep(3600)
        return response(200)

    async with gateway(handler) as device:
        with pytest.raises(Unreachable):
            await device.send_text(NUMBER, TEXT)
    assert asyncio.get_running_loop().time() == pytest.approx(10)


@pytest.mark.looptime
async def test_an_answer_that_drips_is_not_waited_for_either(gateway: Make) -> None:
    async def drip() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(1)

    async with gateway(lambda _: httpx.Response(200, content=drip())) as device:
        with pytest.raises(Unreachable):
            await device.send_text(NUMBER, TEXT)
    assert asyncio.get_running_loop().time() == pytest.approx(10)


@pytest.mark.looptime
async def test_an_endless_answer_is_a_protocol_error(gateway: Make) -> None:
    async def pour() -> AsyncIterator[bytes]:
        while True:
            yield b" " * 4096

    async with gateway(lambda _: httpx.Response(200, content=pour())) as device:
        with pytest.raises(ProtocolError):
            await device.send_text(NUMBER, TEXT)
    assert device.counters.bytes_in <= sms_gateway.LONGEST + 4096


@pytest.mark.looptime
async def test_a_redirect_is_not_followed(gateway: Make) -> None:
    seen: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return response(307, Location="https://elsewhere.example/")

    async with gateway(handler) as device:
        with pytest.raises(Misconfigured):
            await device.send_text(NUMBER, TEXT)
    assert seen == [URL]


@pytest.mark.looptime
async def test_closed_it_sends_nothing(gateway: Make) -> None:
    async with gateway(answers(200)) as device:
        pass
    with pytest.raises(Unreachable):
        await device.send_text(NUMBER, TEXT)


@pytest.mark.looptime
async def test_whether_it_can_be_reached_is_looked_at_each_minute() -> None:
    times: list[float] = []

    async def opener() -> End:
        times.append(asyncio.get_running_loop().time())
        if len(times) == 3:
            raise Unreachable("nobody is there")
        link, _ = pair()
        return link

    with pytest.raises(Unreachable):
        await anext(Gateway(opener, OPTIONS).events())
    assert times == pytest.approx([0, 60, 120])


@pytest.mark.looptime
async def test_neither_number_nor_text_is_logged_or_in_an_error(
    gateway: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    echo = json.dumps({"code": NUMBER, "msg": TEXT}).encode()
    errors: list[str] = []

    def broken(request: httpx.Request) -> httpx.Response:
        raise httpx.RemoteProtocolError(f"illegal status line: {NUMBER}", request=request)

    for handler in (answers(200, echo), answers(400, echo), answers(500, echo), answers(200, NUMBER.encode()), broken):
        async with gateway(handler) as device:
            with pytest.raises((Rejected, Unreachable, ProtocolError)) as caught:
                await device.send_text(NUMBER, TEXT)
            errors.append(str(caught.value) + repr(caught.value.__cause__))
    told = caplog.text + "".join(errors)
    assert len(errors) == 5
    assert not any(each in told for each in (NUMBER, TEXT, "A023", "\\u60a8"))


# ---- over real sockets


def certificate(folder: Path) -> ssl.SSLContext:
    """Of a server of this machine, signed by nobody."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    at = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(at - datetime.timedelta(days=1))
        .not_valid_after(at + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "server.pem").write_bytes(private + signed.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context


@contextlib.asynccontextmanager
async def served(answer: bytes, context: ssl.SSLContext | None = None) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that answers each request with these bytes, and the requests."""
    seen: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            seen.append(head + await reader.readexactly(length))
            writer.write(answer)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=context)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", seen


def http(status: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


async def test_a_request_on_the_wire(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with (
        served(http("200 OK", TAKEN.raw, "Set-Cookie: a=b")) as (place, seen),
        Gateway(nobody, OPTIONS | {"url": f"http://{place}/send?v=1"}) as device,
    ):
        for _ in range(2):
            assert await device.send_text(NUMBER, TEXT) == TAKEN.means["reference"]
    assert len(seen) == 2
    for request in seen:
        head, _, body = request.partition(b"\r\n\r\n")
        lines = head.decode("ascii").lower().split("\r\n")
        assert lines[0] == "post /send?v=1 http/1.1"
        assert {"accept-encoding: identity", "content-type: application/json"} <= set(lines)
        assert not any(line.startswith("cookie") for line in lines)
        assert body == MESSAGE.raw


async def test_a_certificate_that_nobody_signed_is_not_trusted(tmp_path: Path) -> None:
    async with (
        served(http("200 OK", TAKEN.raw), certificate(tmp_path)) as (place, seen),
        Gateway(nobody, OPTIONS | {"url": f"https://{place}/send"}) as device,
    ):
        with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
            await device.send_text(NUMBER, TEXT)
    assert seen == []


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Le", b"SSH-2.0-OpenSSH_9.2\r\n", b"\0" * 64])
async def test_what_is_no_answer_is_unreachable(answer: bytes) -> None:
    async with served(answer) as (place, _), Gateway(nobody, OPTIONS | {"url": f"http://{place}/send"}) as device:
        with pytest.raises(Unreachable):
            await device.send_text(NUMBER, TEXT)


async def test_an_answer_that_is_packed_all_the_same_is_not_unpacked() -> None:
    async with (
        served(http("200 OK", gzip.compress(TAKEN.raw), "Content-Encoding: gzip")) as (place, _),
        Gateway(nobody, OPTIONS | {"url": f"http://{place}/send"}) as device,
    ):
        with pytest.raises(ProtocolError):
            await device.send_text(NUMBER, TEXT)
