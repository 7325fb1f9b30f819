"""What the tests run on: the virtual factory, or real meters on real ports as a bench file describes them.

A bench knows the wires and who hangs on them, and makes the site file of a test. What the gateway makes of
it is not known here. What a bench cannot do skips the test with the reason.
"""

import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, Protocol

import pytest
import tomlkit

from tools.bench import parts
from tools.factory.equipment import PLACES, RS485, TCP
from tools.factory.factory import SETTINGS, Factory, opened_before
from tools.factory.protocol_virtual import SCHEME
from tools.factory.site_file import write_site

HISTORY_DAYS = 2  # enough for every shift and for the boundary of a day, and imported in a second
HUB_TOKEN = "hub.token"


class Meter(NamedTuple):
    name: str
    line: str
    model: str
    address: int


class Places(NamedTuple):
    """Where the parts of one test listen."""

    folder: Path
    page_port: int
    hub_port: int
    tcp_port: int

    @classmethod
    def free(cls, folder: Path) -> "Places":
        return cls(folder, parts.free_port(), parts.free_port(), parts.free_port())

    @property
    def listen(self) -> str:
        return f"{parts.HOST}:{self.page_port}"

    @property
    def hub_url(self) -> str:
        return f"http://{parts.HOST}:{self.hub_port}/"


class Bench(Protocol):
    meters: tuple[Meter, ...]  # those that answer

    def write_site(self, places: Places, interval_s: int) -> Path: ...

    def history(self) -> list[str]:
        """Lines of an import file that tells the past of the meters."""
        ...

    @contextmanager
    def powered(self, places: Places, *faults: str) -> Iterator[None]:
        """The meters answer; `faults` are NAME=RATE@METER of the virtual factory."""
        ...

    @contextmanager
    def with_a_dead_meter(self, places: Places) -> Iterator[Meter]:
        """The meters answer but for one, which it yields; the site file holds that one too."""
        ...

    def plain_port(self, places: Places) -> str:
        """The serial port of an RS-485 line as a program that is not ours opens it."""
        ...


def cannot(reason: str) -> NoReturn:
    pytest.skip(f"this bench cannot do it: {reason}")


class VirtualBench:
    def __init__(self) -> None:
        self.meters = tuple(Meter(place.name, place.line, place.model, place.address) for place in PLACES)
        self._opened_ms = opened_before(_now_ms(), HISTORY_DAYS)

    def write_site(self, places: Places, interval_s: int) -> Path:
        return write_site(
            places.folder,
            rs485_port=f"{SCHEME}{places.folder.resolve() / RS485}",
            settings=SETTINGS,
            tcp=f"{parts.HOST}:{places.tcp_port}",
            listen=places.listen,
            hub_url=places.hub_url,
            hub_token_file=HUB_TOKEN,
            interval_s=interval_s,
        )

    def history(self) -> list[str]:
        rows = Factory(1, self._opened_ms).history(_now_ms())
        return ["time,meter,quantity,value,unit", *(",".join(row) for row in rows)]

    @contextmanager
    def powered(self, places: Places, *faults: str) -> Iterator[None]:
        with parts.factory(places.folder, places.tcp_port, self._opened_ms, *faults) as factory:
            yield
            factory.stop()

    @contextmanager
    def with_a_dead_meter(self, places: Places) -> Iterator[Meter]:
        dead = next(meter for meter in self.meters if meter.name == "compressor")
        with self.powered(places, f"dead_meter=1@{dead.name}"):
            yield dead

    def plain_port(self, places: Places) -> str:
        return str(places.folder.resolve() / RS485)


class PhysicalBench:
    """`path` holds `[[line]]` and `[[meter]]` as a site file does, and in `[bench]` what else is wired."""

    def __init__(self, path: Path) -> None:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        self._bench = document.get("bench", {})
        self._lines = document["line"]
        self._off = [row for row in document["meter"] if row["name"] == self._bench.get("dead")]
        self._on = [row for row in document["meter"] if row not in self._off]
        self.meters = tuple(_meter(row) for row in self._on)
        self._interval_s = 1

    def write_site(self, places: Places, interval_s: int) -> Path:
        self._interval_s = max(interval_s, self._bench.get("interval_s", 1))
        return self._write(places, self._on)

    def _write(self, places: Places, meters: list[dict[str, Any]]) -> Path:
        document: dict[str, Any] = {
            "site": {"name": "bench", "timezone": self._bench.get("timezone", "Asia/Shanghai"), "region": ["CN"]},
            "poll": {"interval_s": self._interval_s},
            "pages": {"listen": places.listen},
            "upstream": {"url": places.hub_url, "enrol_token_file": HUB_TOKEN},
            "line": self._lines,
            "meter": meters,
        }
        path = places.folder / "site.toml"
        path.write_text(tomlkit.dumps(document), encoding="utf-8")
        return path

    def history(self) -> list[str]:
        cannot("the past of real meters is not known")

    @contextmanager
    def powered(self, _places: Places, *faults: str) -> Iterator[None]:
        if faults:
            cannot(f"nobody can make {', '.join(faults)} happen on a real line")
        yield

    @contextmanager
    def with_a_dead_meter(self, places: Places) -> Iterator[Meter]:
        if not self._off:
            cannot("the supply of no meter is off; switch one off and name it: [bench] dead")
        self._write(places, [*self._on, *self._off])
        yield _meter(self._off[0])

    def plain_port(self, _places: Places) -> str:
        port = next((str(line["port"]) for line in self._lines if line.get("port")), "")
        return port or cannot("it has no serial port")


def _meter(row: dict[str, Any]) -> Meter:
    return Meter(row["name"], row["line"], row["model"], row["address"])


def meter_of(bench: Bench, model: str) -> Meter:
    """A meter of that model on an RS-485 line."""
    found = next((meter for meter in bench.meters if meter.model == model and meter.line != TCP), None)
    return found or cannot(f"no {model} hangs on it")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
