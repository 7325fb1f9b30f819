"""`shiftwatt submeter`: our own meter's real firmware on this machine, read over a pseudo-terminal or Modbus TCP."""

import signal
from dataclasses import replace
from decimal import Decimal
from math import isfinite
from pathlib import Path
from string import hexdigits
from typing import Annotated

import typer
from rich.console import Console

from tools.board import carried
from tools.board.network_script import read
from tools.board.wishes import FRONT_ENDS, KEY, RATE_HZ_MAX, RATE_HZ_MIN, Recording, SubmeterError, Wishes
from tools.exits import FAILED, WRONG_USE, fail, sentences
from tools.flashing.compiled import FlashError
from tools.submeter import Heap, Submeter

NAME = "submeter"
_RECORDING = ("--rate", "--phases", "--volts-full-scale", "--amps-full-scale")
_LISTENING = {"tcp": "TCP  %s:%d", "page": "page http://%s:%d/", "names": "DNS  %s:%d, of the meter's own access point"}
KEY_BYTES = 32  # of Ed25519
_BAUDS = (1_200, 2_400, 4_800, 9_600, 19_200, 38_400, 57_600, 115_200)


def command(
    link: Annotated[Path | None, typer.Option(help="Where the meter's RS-485 shall appear, as a link to a pseudo-terminal.")] = None,
    tcp: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Answer Modbus TCP there, too.")] = None,
    page: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Show the meter's own page there.")] = None,
    address: Annotated[
        int | None, typer.Option(min=1, max=247, help="Unit address; default: what is set on the meter, at first 1.")
    ] = None,
    baud: Annotated[int | None, typer.Option(help="Default: what is set on the meter, at first 9600.")] = None,
    flash: Annotated[Path | None, typer.Option(help="The meter's flash, kept between runs; default: a blank one, thrown away.")] = None,
    samples: Annotated[
        Path | None, typer.Option(help="Little-endian int16, V1 I1 V2 I2 ...; repeated at its end. Default: a test signal.")
    ] = None,
    rate: Annotated[int | None, typer.Option(metavar="HZ", help="Frames a second in the samples.")] = None,
    phases: Annotated[int | None, typer.Option(min=1, max=3, help="Phases in the samples.")] = None,
    volts_full_scale: Annotated[str | None, typer.Option(metavar="V", help="Peak voltage that 32767 stands for.")] = None,
    amps_full_scale: Annotated[str | None, typer.Option(metavar="A", help="Peak current that 32767 stands for.")] = None,
    front_end: Annotated[
        str, typer.Option(metavar="KIND", help=f"Measure with a simulated {', '.join(sorted(FRONT_ENDS))}.")
    ] = "test_signal",
    board: Annotated[
        Path | None, typer.Option(help="The meter's file system, kept between runs; made if it is not there. It takes updates.")
    ] = None,
    update_key: Annotated[str, typer.Option(metavar="HEX", help="The public key of its updates, from `shiftwatt bundle key`.")] = "",
    log: Annotated[Path | None, typer.Option(help="Should the firmware end by itself, all it said is added there.")] = None,
    seconds: Annotated[float, typer.Option(min=0, help="Measure for so long in meter time, then go on answering.")] = 0,
    network_script: Annotated[
        Path | None, typer.Option(help="Give the meter a radio, and this network around it; for benches, see docs/reference/commands.md.")
    ] = None,
    speed: Annotated[float, typer.Option(min=1, max=1_000, help="Meter time runs so many times as fast, as far as this machine can.")] = 1,
) -> None:
    """Run the submeter's real firmware on this machine until it is stopped (Ctrl-C or SIGTERM)."""
    if link is None and tcp is None:
        fail("a meter that nobody can reach is no use: give --link PATH, --tcp HOST:PORT or both", WRONG_USE)
    if baud is not None and baud not in _BAUDS:
        fail(f"--baud {baud} is not one of {', '.join(map(str, _BAUDS))}", WRONG_USE)
    if not isfinite(seconds):
        fail(f"--seconds {seconds} is no end; leave it out, and the meter measures until it is stopped", WRONG_USE)
    if front_end not in FRONT_ENDS:
        fail(f"--front-end {front_end} is not one of {', '.join(sorted(FRONT_ENDS))}", WRONG_USE)
    if samples is not None and front_end != "test_signal":
        fail("--samples and --front-end are two sources; give one of them", WRONG_USE)
    recording = _recording(samples, (rate, phases, volts_full_scale, amps_full_scale))
    _check_key(update_key)
    hosts = _host_and_port("--tcp", tcp), _host_and_port("--page", page)
    with sentences({SubmeterError: FAILED, FlashError: FAILED}):
        network = read(network_script) if network_script else None
        start = Wishes(link, *hosts, address, baud, flash, recording, front_end, seconds=seconds, speed=speed)
        wishes = replace(start, network=network, board=board, update_key=update_key, log=log)
        submeter = Submeter(wishes, _tell)
        with Console(stderr=True).status("Compiling the firmware; this takes some seconds the first time."):
            carried.compile_ahead()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: submeter.stop())
        submeter.run()


def _check_key(text: str) -> None:
    if text and (len(text) != 2 * KEY_BYTES or set(text) - set(hexdigits)):
        fail(f"--update-key {text} is not {2 * KEY_BYTES} hexadecimal digits; `shiftwatt bundle key` prints them", WRONG_USE)


def _recording(path: Path | None, given: tuple[int | None, int | None, str | None, str | None]) -> Recording | None:
    named = [name for name, value in zip(_RECORDING, given, strict=True) if value is not None]
    if path is None:
        if named:
            fail(f"there is no --samples FILE for {', '.join(named)}; give it, too", WRONG_USE)
        return None
    rate, phases, volts, amps = given
    if rate is None or phases is None or volts is None or amps is None:
        fail(f"--samples needs {', '.join(_RECORDING)}, too", WRONG_USE)
    if not RATE_HZ_MIN <= rate <= RATE_HZ_MAX:
        fail(f"--rate {rate} cannot be used; {RATE_HZ_MIN} to {RATE_HZ_MAX} Hz are possible.", WRONG_USE)
    return Recording(path, rate, phases, _thousandths("--volts-full-scale", volts), _thousandths("--amps-full-scale", amps))


def _thousandths(name: str, text: str) -> int:
    try:
        value = round(Decimal(text) * 1000)
    except (ArithmeticError, ValueError):  # not a number, or not a finite one
        value = 0
    if not 1 <= value <= 100_000_000:
        fail(f"{name} {text} is not a number between 0.001 and 100000", WRONG_USE)
    return value


def _host_and_port(name: str, text: str | None) -> tuple[str, int] | None:
    if text is None:
        return None
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:
        fail(f"{name} {text} is not HOST:PORT", WRONG_USE)
    return host, int(port)


def _tell(submeter: Submeter, heap: Heap | None) -> None:
    if heap is not None:
        print(
            f"measured {submeter.wishes.seconds:g} s; heap of {heap.size} bytes: "
            f"{heap.after_start} in use after the start, {heap.at_end} now, {heap.peak} at most before a collection",
            flush=True,
        )
        return
    wishes = submeter.wishes
    if wishes.link is not None:
        print(f"RTU  {wishes.link}", flush=True)
    for name, (host, port) in submeter.listening.items():
        print(_LISTENING[name] % (host, port), flush=True)
    print(f"key  {KEY} unlocks settings and calibration. Stop with Ctrl-C.", flush=True)
