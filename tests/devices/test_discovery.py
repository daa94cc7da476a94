"""What the network says of its printers: bounded, believed by nobody, offered until a device's link names it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.clock import Clock
from edge.devices import discovery
from edge.devices.discovery import TYPE, Answer, Discovery, Heard, accept, browse
from tests.hall import Running, World, running, without_devices
from tests.mdns import responder, service

virtual = pytest.mark.looptime
HERE = ("127.0.0.1",)
ZONE = ZoneInfo("Asia/Shanghai")


def named(label: str) -> str:
    return f"{label}.{TYPE}"


def at(port: int, address: str = "192.168.1.9", **properties: str) -> Answer:
    return Answer([address], port, {key.encode(): value.encode() for key, value in properties.items()})


# ---- what is believed of an answer

texts = st.text(max_size=70) | st.sampled_from(["Printer-1", "二楼打印机", "a.b", "x" * 63, "字" * 21])
answers = st.builds(
    Answer,
    st.lists(st.ip_addresses().map(str) | st.text(max_size=20), max_size=4),
    st.none() | st.integers(-1, 70_000),
    st.dictionaries(st.binary(max_size=40), st.none() | st.binary(max_size=300), max_size=30),
)


@given(texts, st.sampled_from(["", f".{TYPE}", "._ipp._tcp.local."]), answers)
def test_an_instance_is_bounded_and_can_be_shown(label: str, type_: str, answer: Answer) -> None:
    found = accept(label + type_, answer, 7)
    if found is None:
        return
    assert type_ == f".{TYPE}"
    assert found.name.isprintable()
    assert 0 < len(found.name.encode()) <= 63
    assert found.address in answer.addresses
    assert found.port == answer.port
    assert 0 < found.port < 65_536
    assert len(found.properties) <= 16
    for key, value in found.properties.items():
        assert (key + value).isprintable()
        assert len(key) <= 32
        assert len(value) <= 128


def test_an_honest_answer_is_believed() -> None:
    found = accept(named("二楼 1"), at(9100, ty="ESC/POS", note="二楼"), 7)
    assert found is not None
    assert (found.name, found.type, found.address, found.port) == (
        "二楼 1",
        "_pdl-datastream._tcp",
        "192.168.1.9",
        9100,
    )
    assert (found.properties, found.seen_at) == ({"ty": "ESC/POS", "note": "二楼"}, 7)
    assert found.link == "mdns://%E4%BA%8C%E6%A5%BC%201._pdl-datastream._tcp"


@pytest.mark.parametrize("address", ["224.0.0.251", "0.0.0.0", "255.255.255.255", "fe80::1", "printer.local", ""])
def test_what_is_no_host_is_passed_over(address: str) -> None:
    assert accept(named("p"), at(9100, address), 7) is None
    found = accept(named("p"), Answer([address, "10.0.0.5"], 9100), 7)
    assert found is not None
    assert found.address == "10.0.0.5"


@pytest.mark.parametrize("label", ["bell\x07", "a\nb", "left\u202eright", "", "  ", "x" * 64, "字" * 22, "\ud800"])
def test_a_name_that_cannot_be_shown_is_no_instance(label: str) -> None:
    assert accept(named(label), at(9100), 7) is None


def test_properties_that_cannot_be_shown_are_left_out() -> None:
    told = {b"ty": b"ESC/POS", b"note": b"\x1b[2J", b"": b"x", b"k" * 33: b"x", b"adminurl": b"x" * 129, b"flag": None}
    found = accept(named("p"), Answer(["10.0.0.5"], 9100, told), 7)
    assert found is not None
    assert found.properties == {"ty": "ESC/POS"}


# ---- the list, in a hall whose network is made up


@contextlib.asynccontextmanager
async def hall_without_devices(folder: Path) -> AsyncIterator[Running]:
    async with running(World(folder, without_devices)) as hall:
        yield hall


async def listed(hall: Running, *heard: Heard) -> list[str]:
    """The names that ops is shown once the network has said this."""
    for each in heard:
        hall.world.heard.put_nowait(each)
    await asyncio.sleep(1)
    assert hall.world.heard.empty()
    return [each["name"] for each in (await hall.get("/discovery"))["unbound"]]


@virtual
async def test_what_is_found_is_offered_until_it_says_goodbye(tmp_path: Path) -> None:
    async with hall_without_devices(tmp_path) as hall:
        assert await listed(hall) == []
        assert await listed(hall, (named("b"), at(9100)), (named("a"), at(9101))) == ["a", "b"]
        first = (await hall.get("/discovery"))["unbound"][0]
        assert (first["link"], first["address"], first["port"]) == (
            "mdns://a._pdl-datastream._tcp",
            "192.168.1.9",
            9101,
        )
        assert first["seen_at"].startswith("2026-03-02T09:00:0")
        assert await listed(hall, (named("A"), at(9102))) == ["A", "b"], "names of the network know no case"
        assert await listed(hall, (named("a"), None), (named("never"), None)) == ["b"]
        assert await listed(hall, (named("b"), Answer())) == [], "it says no more where it is"
        assert not hall.events(), "what is on the network is no event of the hall"


@virtual
async def test_what_a_devices_link_names_is_not_offered(tmp_path: Path) -> None:
    def by_name(text: str) -> str:
        return text.replace(
            "tcp://127.0.0.1:{port+12}", "mdns://Desk%20No.2._pdl-datastream._tcp.local.?interface=10.0.0.1"
        )

    async with running(World(tmp_path, by_name)) as hall:
        mine = (named("p1"), at(8091, "127.0.0.1"))
        theirs = (named("p2"), at(8091, "127.0.0.2")), (named("p3"), at(8092, "127.0.0.1"))
        assert await listed(hall, mine, *theirs, (named("desk no.2"), at(9100))) == ["p2", "p3"]
        await hall.post("/devices/printer-1/link", link="mdns://P2._pdl-datastream._tcp")
        assert await listed(hall) == ["p1", "p3"], "the file's link is nobody's now"


@virtual
async def test_a_flood_of_names_is_bounded_and_does_not_push_out_what_was_there(tmp_path: Path) -> None:
    async with hall_without_devices(tmp_path) as hall:
        flood = [(named(f"n{n:03}"), at(9100)) for n in range(500)]
        names = await listed(hall, (named("first"), at(9100)), *flood)
        assert (len(names), "first" in names, "n499" in names) == (discovery.MOST_FOUND, True, False)
        assert "n499" in await listed(hall, (named("first"), None), (named("n499"), at(9100)))


@virtual
async def test_an_interface_that_comes_later_is_used(caplog: pytest.LogCaptureFixture) -> None:
    tries = []

    async def later(interfaces: Sequence[str]) -> AsyncGenerator[Heard, None]:
        tries.append(interfaces)
        if len(tries) < 4:
            raise OSError("no such address")
        yield named("p"), at(9100)
        await asyncio.Event().wait()

    looking = Discovery(["10.0.0.1"], Clock(ZONE), later)
    async with lending(looking):
        await asyncio.sleep(10)
        assert looking.unbound([]) == []
        await asyncio.sleep(600)
        assert [each.name for each in looking.unbound([])] == ["p"]
    assert tries == [["10.0.0.1"]] * 4
    assert len([each for each in caplog.records if each.name == "hall.discovery"]) == 1


@virtual
async def test_it_is_off_where_the_file_names_no_interface(tmp_path: Path) -> None:
    def off(text: str) -> str:
        return without_devices(text).replace('interfaces = ["127.0.0.1"]', "")

    async with running(World(tmp_path, off)) as hall:
        hall.world.heard.put_nowait((named("p"), at(9100)))
        await asyncio.sleep(5)
        assert (await hall.get("/discovery"))["unbound"] == []
        assert not hall.world.heard.empty()


# ---- the real network of this machine


@contextlib.asynccontextmanager
async def lending(looking: Discovery) -> AsyncIterator[None]:
    task = asyncio.create_task(looking.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def ports(looking: Discovery, label: str, wanted: list[int]) -> None:
    """Waits until the instances of that name have these ports."""
    async with asyncio.timeout(10):
        while [each.port for each in looking.unbound([]) if each.name == label] != wanted:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_two_instances_on_loopback_find_each_other_change_and_part() -> None:
    label = f"一楼 {uuid.uuid4().hex[:12]}"
    looking = Discovery(HERE, Clock(ZONE), browse)
    async with lending(looking):
        before = service(label, 9100, note="导办台")
        async with responder(before) as network:
            await ports(looking, label, [9100])
            (found,) = [each for each in looking.unbound([]) if each.name == label]
            assert (found.address, found.properties) == ("127.0.0.1", {"note": "导办台"})
            after = service(label, 9200)
            await network.update(after)
            await ports(looking, label, [9200])
            await network.withdraw(after)
            await ports(looking, label, [])


async def test_what_was_there_before_us_is_found_too() -> None:
    label = uuid.uuid4().hex
    async with responder(service(label, 9100)):
        looking = Discovery(HERE, Clock(ZONE), browse)
        async with lending(looking):
            await ports(looking, label, [9100])


def wire(name: Sequence[bytes]) -> bytes:
    return b"".join(bytes([len(each)]) + each for each in name) + b"\0"


def pointer(alias: Sequence[bytes]) -> bytes:
    """An unasked-for mDNS answer (RFC 1035, 4.1): one PTR record of our type that leads to `alias`, for 120 s."""
    data = wire(alias)
    record = wire([b"_pdl-datastream", b"_tcp", b"local"]) + bytes.fromhex("000c 0001 00000078")
    return bytes.fromhex("0000 8400 0000 0001 0000 0000") + record + len(data).to_bytes(2, "big") + data


async def test_nonsense_from_the_network_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "LOOK_UP_MS", 100)
    label, ours = uuid.uuid4().hex, [b"_pdl-datastream", b"_tcp", b"local"]
    hostile = [
        pointer([b"bell\x07", *ours]),
        pointer([b"\xff\xfe", *ours]),
        pointer([b"other", b"_ipp", b"_tcp", b"local"]),
        pointer([b"_pdl-datastream", b"_tcp", b"local"]),
        pointer([]),
        pointer([b"x" * 63, b"y" * 63, b"z" * 63, *ours]),
        pointer([b"  ", *ours]),
        pointer([b"cut", *ours])[:-4],
        b"\xff" * 40,
        b"",
    ]
    looking = Discovery(HERE, Clock(ZONE), browse)
    async with lending(looking):
        await asyncio.sleep(0)  # it listens
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
            stranger.bind(("127.0.0.1", 0))
            for each in hostile:
                stranger.sendto(each, ("224.0.0.251", 5353))
        async with responder(service(label, 9100)):
            await ports(looking, label, [9100])
        assert not {"bell\x07", "other", "  "} & {each.name for each in looking.unbound([])}


async def test_an_address_that_is_not_ours_is_an_oserror() -> None:
    with pytest.raises(OSError, match="assign"):
        await anext(browse(["203.0.113.1"]))
