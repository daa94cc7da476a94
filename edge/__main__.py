"""The command line: `hall-edge check`, `run`, `demo`, `day`, `token`, `simulate` and more."""

from __future__ import annotations

import asyncio
import logging
import secrets
import signal
import socket
import subprocess
import sys
from datetime import time
from pathlib import Path
from typing import get_args

import click
from pydantic import BaseModel

from drivers.base import DeviceError
from edge import hall as halls
from edge import hallfile
from edge.access import tokens
from edge.attendance import profilefile
from edge.attendance.rulebook import open_rules
from edge.clock import Clock
from edge.database import Broken, Database, Session
from edge.day import day
from edge.devices import fit, hub
from edge.journal import open_epoch
from edge.process import listen, only_one, run
from edge.schema import TABLES
from edge.simulate import simulate
from edge.watchdog import tell_ready

FILE = click.argument("file", type=click.Path(path_type=Path))
DATA = click.option("--data", type=click.Path(path_type=Path), default=Path("data"), help="Folder of the database.")
PORT = click.option("--port", type=click.IntRange(1, 65_400), default=8080, help="Port of pages and API.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """hall-edge: the edge service of a government service hall.

    Tickets, calls, screens, ratings and devices of one hall, described by one FILE such as config/demo.toml.
    Try it with:  hall-edge demo config/demo.toml
    """


def _load(file: Path, data: Path, port: int) -> halls.Hall:
    """The hall, or the end of the program with every problem named by its line."""
    try:
        hall = hallfile.load(file, data=data, port=port)
        text = file.read_text("utf-8")
        found = [hallfile.Problem(hallfile.line_of(text, loc), what) for loc, what in fit.problems(hall)]
        if found:
            raise hallfile.HallFileError(file, found)
        open_rules(hall)
    except hallfile.HallFileError as error:
        click.echo(str(error), err=True)
        raise SystemExit(2) from error
    return hall


main.add_command(simulate)
main.add_command(day)


@main.command()
@FILE
def check(file: Path) -> None:
    """Say what is wrong with a hall FILE, by line; exit 2 if anything is."""
    hall = _load(file, Path("data"), 8080)
    click.echo(
        f"{file}: good. {hall.hall.name}: {len(hall.units)} units, {len(hall.services)} services,"
        f" {len(hall.windows)} windows, {len(hall.devices)} devices"
    )
    _tell_rules(hall)


def _tell_rules(hall: halls.Hall) -> None:
    """What the documents of its attendance rules leave open, how that is settled, and what the product adds."""
    rules, loaded = open_rules(hall)
    if hall.attendance.profile is None:
        click.echo("attendance: no profile, the product's own rules hold")
        return
    given = sum(rules.profile.given(each.clause.key) for each in profilefile.origins(rules.profile))
    total = len(profilefile.origins(rules.profile))
    click.echo(
        f"attendance: {rules.profile.hall.name}, {given} of {total} values from its documents,"
        " the others are the product's (hall-edge attendance shows each)"
    )
    for each in loaded.warnings:
        click.echo(f"{hall.attendance.profile}: {each}")


@main.command()
@FILE
def attendance(file: Path) -> None:
    """Show every rule of attendance of a hall FILE, and where it stands."""
    rules, _ = open_rules(_load(file, Path("data"), 8080))
    for each in profilefile.origins(rules.profile):
        click.echo(f"{each.clause.key}  {_short(each.value)}  [{each.clause.source}]")


def _short(value: object) -> str:
    if isinstance(value, BaseModel):
        return ", ".join(f"{key} {_short(each)}" for key, each in value if each is not None and key != "source")
    if isinstance(value, tuple):
        return "; ".join(map(_short, value)) or "-"
    return value.isoformat("minutes") if isinstance(value, time) else "-" if value is None else str(value)


@main.command("run")
@FILE
@DATA
@PORT
@click.option("--host", default="127.0.0.1", help="Address to listen on; a hall's LAN needs more than this machine.")
def run_(file: Path, data: Path, port: int, host: str) -> None:
    """Serve the hall of FILE until SIGTERM."""
    hall = _load(file, data, port)
    if hall.access.demo and host != "127.0.0.1":
        raise click.UsageError(
            "[access] demo = true grants every role without sign-in: only --host 127.0.0.1 may serve it"
        )
    _serve(hall, data, host, port, f"http://{host}:{port}/")


@main.command()
@FILE
@DATA
@PORT
def demo(file: Path, data: Path, port: int) -> None:
    """Serve the hall of FILE together with simulators of all its devices and of the centre."""
    hall = _load(file, data, port)
    command = [sys.executable, "-m", "simulators", str(file), "--port", str(port), "--data", str(data)]
    # Its own process group: Ctrl-C reaches us first, and the devices stay until the service has said goodbye.
    simulated = subprocess.Popen(command, process_group=0, stdout=subprocess.PIPE, text=True)  # noqa: S603  our module
    assert simulated.stdout is not None
    try:
        for line in simulated.stdout:
            click.echo(line, nl=False)
            if "ready" in line:
                break
        else:
            raise click.ClickException("the simulated devices did not start; the lines above say why")
        _serve(hall, data, "127.0.0.1", port, f"http://127.0.0.1:{port}/")
    finally:
        simulated.send_signal(signal.SIGTERM)
        simulated.wait()


def _serve(hall: halls.Hall, data: Path, host: str, port: int, address: str) -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)

    def ready() -> None:
        tell_ready()
        click.secho(
            f"\n  {hall.hall.name} is open: {address}\n  (Ctrl-C ends it; the next start goes on from here)\n",
            bold=True,
        )

    try:
        with only_one(data), _door(host, port) as door:
            asyncio.run(run(hall, data, door, ready))
    except BlockingIOError as error:
        raise click.ClickException(f"another hall-edge is running with the data folder {data}") from error
    except Broken as error:
        raise click.ClickException(f"the database cannot be used: {error}") from error
    click.echo("closed.")


def _door(host: str, port: int) -> socket.socket:
    try:
        return listen(host, port)
    except OSError as error:
        raise click.ClickException(f"{host}:{port} cannot be used: {error.strerror}; choose another --port") from error


@main.command()
@FILE
@DATA
@click.option("--role", type=click.Choice([role for role in get_args(tokens.Role) if role != "anyone"]), required=True)
@click.option("--name", required=True, help="Who holds it, such as kiosk-1.")
@click.option("--scope", help="The one window, kiosk or zone it is for; all without.")
@click.option("--revoke", is_flag=True, help="Take back every token of this name instead.")
def token(file: Path, data: Path, role: tokens.Role, name: str, scope: str | None, revoke: bool) -> None:
    """Make a device token and show it this once."""
    hall = _load(file, data, 8080)
    database, made = Database(data / "hall.sqlite", TABLES), secrets.token_urlsafe(32)
    epoch, now = open_epoch(database, secrets.token_hex(8)), Clock(hall.zone_info).now()
    with database.writing.begin() as connection:
        session = Session(connection, lambda: secrets.token_hex(16), epoch)
        if revoke:
            click.echo(f"{tokens.revoke(session, hall, now, name)} revoked")
        else:
            tokens.enrol(session, hall, now, tokens.Enrol(made, role, name, scope))
            click.echo(made)
    database.close()


@main.group()
def profile() -> None:
    """Describe a device in TOML, without Python (config/profiles/)."""


@profile.command("try")
@FILE
@click.option("--hex", "data", required=True, help='The bytes, such as "A0 90 01 A1 00 00 A0".')
def try_(file: Path, data: str) -> None:
    """Say what the profile FILE makes of some bytes."""
    try:
        click.echo(hub.explain_profile(file, bytes.fromhex(data)))
    except ValueError as error:
        raise click.BadParameter(f"these are no hex bytes: {error}") from error
    except DeviceError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
