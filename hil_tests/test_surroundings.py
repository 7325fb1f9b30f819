"""`run` where something around it is missing: it starts, says so and keeps trying; or it ends with a sentence."""

import os
import re
import socket
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from shutil import rmtree

from gateway import control
from gateway.buffer.rows import is_counter_reading
from hil_tests.bench import VirtualBench, cannot
from hil_tests.chain import INTERVAL_S, Chain
from protocols.reading import Reading
from tools.bench import ledger, parts

DISK_BYTES = 8 * 2**20  # a tmpfs of this size takes a store, and is full soon
FILLER = "filler"
# A round is an interval long, and on a busy machine one may be skipped. What waited is lost as a whole or not at all.
HOLE_MS_MAX = 3 * INTERVAL_S * 1000
WAITING = 15  # records of some two rounds


def test_a_taken_port_ends_run_with_a_sentence(chain: Chain) -> None:
    """Another program has the pages' port: `run` names the address and what to do, and ends with 1; nothing was begun."""
    with socket.create_server((parts.HOST, chain.places.page_port)):
        gateway = chain.start_gateway()
        status = gateway.until_ended()

    assert status == 1
    assert f"the pages cannot listen on {chain.places.listen}" in gateway.said()
    assert not (chain.data / "shiftwatt.db").exists()
    assert not (chain.data / control.SOCKET).exists()


def test_a_data_folder_that_is_a_file_ends_run_with_a_sentence(chain: Chain) -> None:
    """Something else lies where the data folder should be: `run` names the place and ends with 1."""
    _without_lines(chain)
    chain.data.write_text("a file")
    gateway = chain.start_gateway()

    assert gateway.until_ended() == 1
    assert f"the data folder {chain.data} cannot be written" in gateway.said()


def test_a_read_only_data_folder_ends_run_with_a_sentence(chain: Chain) -> None:
    """A data folder that takes nothing: `run` names it and ends with 1."""
    _without_lines(chain)
    with _disk(chain.data, read_only=True):
        gateway = chain.start_gateway()

        assert gateway.until_ended() == 1
        assert f"the data folder {chain.data} cannot be written" in gateway.said()


def test_what_is_away_at_the_start_is_found_when_it_comes(chain: Chain) -> None:
    """Neither port nor hub is there: `run` says so on its page and as an event, goes on, and delivers when both have come."""
    if not isinstance(chain.bench, VirtualBench):
        cannot("nobody is there to pull the adapter")
    gateway = chain.start_gateway()
    gateway.until(lambda: "cannot be opened" in chain.page() and "The hub" in chain.page(), "the page says what is away")
    with chain.bench.powered(chain.places):
        gateway.until(lambda: control.ask(chain.data, "counts")["answers"] > 0, "the line is polled as soon as it is there")
        gateway.until(lambda: chain.readings() != [], "its readings are stored")
        chain.start_hub()
        first = chain.readings()[0].sequence
        gateway.until(lambda: ledger.sums(chain.data).acknowledged >= first, "the hub has them")
        gateway.until(lambda: "The hub" not in chain.page(), "the page no longer speaks of the hub")
        assert gateway.stop() == 0
    kinds = [event.kind for event in ledger.events(chain.data) if event.subject == "rs485-1"]

    assert kinds[:2] == ["line_closed", "line_open"]
    assert ledger.undelivered(chain.data, parts.hub_address(chain.folder)) == []


def test_a_disk_that_fills_up_loses_nothing(chain: Chain) -> None:
    """The disk takes nothing for a while: the page says so, the readings wait, and all of them are stored once there is room."""
    past = chain.folder / "past.csv"
    with _disk(chain.data):
        chain.site = chain.bench.write_site(chain.places, INTERVAL_S)
        chain.start_hub()
        with chain.bench.powered(chain.places):
            gateway = chain.start_gateway()
            gateway.until(lambda: _levels(chain) > 0, "the first readings are stored")
            _fill(chain.data)
            past.write_text(
                f"time,meter,quantity,value,unit\n2026-03-28T22:00:00Z,{chain.bench.meters[0].name},active_energy_import,1.5,kWh\n"
            )
            before = ledger.sums(chain.data).records
            gateway.until(lambda: _waiting(chain) >= WAITING, "the page says that nothing is taken and how much waits")
            assert ledger.sums(chain.data).records == before
            refused = chain.command("import", past)
            (chain.data / FILLER).unlink()
            gateway.until(lambda: ledger.sums(chain.data).records > before + WAITING, "it is stored what had waited")
            assert gateway.stop() == 0
        live = [each for each in ledger.readings(chain.data) if each.boot]
        assert refused.returncode == 1
        assert "takes nothing" in refused.stderr
        counted = {each.meter for each in live if is_counter_reading(each)}
        names = {meter.name for meter in chain.bench.meters}

        assert ledger.unsound(chain.data) == []
        assert ledger.misbooked(chain.site) == []
        assert counted == names  # all were read once at the start, some of them when the disk was full already
        assert max(_holes(live)) < HOLE_MS_MAX


def test_a_full_disk_at_the_start_is_waited_for(chain: Chain) -> None:
    """No room at all when it starts: `run` says so, keeps trying, and works as soon as there is some."""
    with _disk(chain.data):
        chain.site = chain.bench.write_site(chain.places, INTERVAL_S)
        _fill(chain.data)
        with chain.bench.powered(chain.places):
            gateway = chain.start_gateway()
            gateway.until_said("is full")
            assert not (chain.data / control.SOCKET).exists()
            (chain.data / FILLER).unlink()
            gateway.until(lambda: _levels(chain) > 0, "it stores as soon as there is room")
            assert gateway.stop() == 0

        assert ledger.unsound(chain.data) == []


def _without_lines(chain: Chain) -> None:
    """A site that needs nothing from its data folder: the folder itself is what is tried."""
    rmtree(chain.data, ignore_errors=True)
    places = chain.places
    chain.site.write_text(f'[site]\nname = "bare"\ntimezone = "Asia/Shanghai"\n[pages]\nlisten = "{places.listen}"\n')


def _holes(readings: list[Reading]) -> list[int]:
    """How long it is between two readings of levels of one meter."""
    instants: defaultdict[str, list[int]] = defaultdict(list)
    for each in readings:
        if "active_power" in each.values:
            instants[each.meter].append(each.monotonic_ms)
    return [after - before for found in instants.values() for before, after in pairwise(found)]


def _waiting(chain: Chain) -> int:
    """How many records wait in memory, as the status page has it."""
    found = re.search(r"(\d+) records wait in memory", chain.page())
    return int(found[1]) if found else 0


def _levels(chain: Chain) -> int:
    return sum("active_power" in each.values for each in chain.readings())


@contextmanager
def _disk(folder: Path, *, read_only: bool = False) -> Iterator[None]:
    """A small disk of its own at `folder`."""
    if os.geteuid() != 0:
        cannot("a disk of its own can be had as root only")
    folder.mkdir(parents=True, exist_ok=True)
    options = f"size={DISK_BYTES}" + (",ro" if read_only else "")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, text=True, check=False)
    if mounted.returncode:
        cannot(f"mount says {mounted.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def _fill(folder: Path) -> None:
    """Until not one more byte fits."""
    with (folder / FILLER).open("ab", buffering=0) as file:
        for size in (2**16, 2**10, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
