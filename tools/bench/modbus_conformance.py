"""A strange master, written from the Modbus standard and knowing the meter only by its register table, asks a running submeter.

`python -m tools.bench.modbus_conformance` starts `shiftwatt submeter` on a pseudo-terminal and on TCP and sends it raw bytes: the
limits of each function, the order of its checks, spans that are mapped in part, broadcasts, frames of others, noise, broken and
divided frames. Nothing of `protocols` or `firmware` is used here, not even the check sum. One JSON line; status 1 if something deviates.
"""

import json
import os
import select
import socket
import struct
import subprocess
import sys
import tempfile
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from tools.bench.modbus_cases import LATCH, MAKER, MAKER_WORDS, cases, words

UNIT, OTHER_UNIT, BAUD = 9, 5, 115_200
SILENCE_S = 0.2  # beyond the 120 ms within which the meter answers while it erases flash
QUIET_S = 0.05  # what came before was all
ANSWER_S = 3.0  # a simulated meter on a busy machine
START_S = 40
SILENT = b""
_MBAP = struct.Struct(">HHHB")


def crc(octets: bytes) -> bytes:
    """Bit by bit, as the standard's appendix has it."""
    register = 0xFFFF
    for octet in octets:
        register ^= octet
        for _ in range(8):
            register = (register >> 1) ^ (0xA001 if register & 1 else 0)
    return struct.pack("<H", register)


class Wire:
    """The pair: frames end with silence, and so do answers."""

    def __init__(self, path: Path) -> None:
        self._line = os.open(path, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self._line)

    def close(self) -> None:
        os.close(self._line)

    def say(self, octets: bytes, wait_s: float = ANSWER_S) -> bytes:
        """What comes until the line is silent; SILENT if nothing came in time."""
        time.sleep(0.005)  # t3.5
        os.write(self._line, octets)
        heard = b""
        while select.select([self._line], [], [], QUIET_S if heard else wait_s)[0]:
            heard += os.read(self._line, 4096)
            if len(heard) > 4 and crc(heard[:-2]) == heard[-2:]:
                break
        return heard

    def ask(self, pdu: bytes) -> bytes:
        body = bytes((UNIT,)) + pdu
        reply = self.say(body + crc(body))
        if len(reply) < 4 or reply[0] != UNIT or crc(reply[:-2]) != reply[-2:]:
            return b"no whole frame of this meter: " + reply
        return reply[1:-2]


class Connection:
    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=ANSWER_S)
        self._number = 7

    def close(self) -> None:
        self._socket.close()

    def frame(self, pdu: bytes, unit: int = UNIT, protocol: int = 0, length: int | None = None) -> bytes:
        self._number = (self._number + 257) & 0xFFFF
        return _MBAP.pack(self._number, protocol, len(pdu) + 1 if length is None else length, unit) + pdu

    @staticmethod
    def _lengths(heard: bytes) -> Iterator[int]:
        """Of the answers so far, by their heads; one more byte where a head is still to come."""
        while len(heard) >= 6:
            length = struct.unpack(">H", heard[4:6])[0]
            yield length
            heard = heard[6 + length :]
        yield 1 if heard else 0

    def say(self, octets: bytes, wait_s: float = ANSWER_S, answers: int = 1) -> bytes:
        """What comes until so many answers are whole; SILENT if nothing came in time."""
        self._socket.sendall(octets)
        heard = b""
        while len(heard) < answers * 6 + sum(self._lengths(heard)) and select.select([self._socket], [], [], wait_s)[0]:
            try:
                piece = self._socket.recv(4096)
            except ConnectionResetError:
                break
            if not piece:
                break
            heard += piece
        return heard

    def ask(self, pdu: bytes) -> bytes:
        sent = self.frame(pdu)
        reply = self.say(sent)
        if reply[:4] != sent[:4] or len(reply) < 8 or reply[6] != UNIT or struct.unpack(">H", reply[4:6])[0] != len(reply) - 6:
            return b"no whole answer to this request: " + reply
        return reply[7:]


def on_the_wire(wire: Wire) -> Iterator[tuple[str, bool]]:
    """What only a pair has: others, broadcasts, broken frames. Each is followed by a question that must be answered."""

    def framed(unit: int, pdu: bytes) -> bytes:
        return bytes((unit,)) + pdu + crc(bytes((unit,)) + pdu)

    latch, read_latch = b"\x06" + words(LATCH, 77), b"\x03" + words(LATCH, 1)
    question = framed(UNIT, b"\x03" + words(MAKER, MAKER_WORDS))
    answer = framed(UNIT, b"\x03\x0aShiftwatt\0")
    foreign_reply = framed(OTHER_UNIT, b"\x03\x10" + bytes(range(16)))
    ghost = framed(OTHER_UNIT, b"\x03" + bytes((len(question),)) + question)
    silences = {
        "a broadcast write": framed(0, latch),
        "a broadcast read": framed(0, b"\x03" + words(MAKER, 1)),
        "a broadcast of an unknown function": framed(0, b"\x63"),
        "a request for another": framed(OTHER_UNIT, b"\x03" + words(MAKER, 1)),
        "an answer of another": foreign_reply,
        "an answer of another with a question for us inside": ghost,
        "an exception of another": framed(OTHER_UNIT, b"\x83\x02"),
        "a wrong check sum": question[:-1] + bytes((question[-1] ^ 1,)),
        "a check sum turned round": question[:-2] + question[:-3:-1],
        "half a question": question[:4],
        "one byte": question[:1],
        "noise": bytes(range(1, 60)),
        "more noise than a frame may have": bytes(700),
        "an address that is reserved": framed(250, b"\x03" + words(MAKER, 1)),
        "nothing but an address and a check sum": framed(OTHER_UNIT, b""),
    }
    for what, octets in silences.items():
        yield f"silence after {what}", wire.say(octets, SILENCE_S) == SILENT
        yield f"an answer after {what}", wire.say(question) == answer
    yield "the broadcast write was executed", wire.ask(read_latch) == b"\x03\x02" + words(77)
    wire.ask(b"\x08\0\x0a\0\0")
    wire.say(silences["a wrong check sum"], SILENCE_S)
    yield "a wrong check sum is counted", wire.ask(b"\x08\0\x0c\0\0") == b"\x08\0\x0c\0\1"
    yield "and only once", wire.ask(b"\x08\0\x0c\0\0") == b"\x08\0\x0c\0\1"
    wire.say(framed(0, latch), SILENCE_S)
    yield "a broadcast is counted as unanswered", wire.ask(b"\x08\0\x0f\0\0") == b"\x08\0\x0f\0\1"
    yield "an answer of another and a question in one go", wire.say(foreign_reply + question) in (answer, SILENT)


def on_tcp(port: int, connection: Connection) -> Iterator[tuple[str, bool]]:
    """What only a connection has: heads, units, divided and joined requests, several clients."""
    pdu, told = b"\x03" + words(MAKER, MAKER_WORDS), b"\x03\x0aShiftwatt\0"
    for unit in (0, 255, UNIT):
        sent = connection.frame(pdu, unit)
        yield f"unit {unit} is this meter", connection.say(sent) == sent[:4] + words(len(told) + 1) + bytes((unit,)) + told
    foreign = connection.frame(pdu, OTHER_UNIT)
    yield "another unit gets silence or a gateway's refusal", connection.say(foreign, SILENCE_S)[7:] in (SILENT, b"\x83\x0a", b"\x83\x0b")
    joined = [connection.frame(pdu) for _ in range(5)]
    heard = connection.say(b"".join(joined), answers=5)
    yield (
        "five requests in one piece, each with its own number",
        [heard[at : at + 2] for at in range(0, len(heard), 9 + 10)] == [sent[:2] for sent in joined],
    )
    divided = connection.frame(pdu)
    for octet in divided[:-1]:
        connection.say(bytes((octet,)), 0.01)
    yield "a request byte by byte", connection.say(divided[-1:])[7:] == told
    for what, protocol, length in (
        ("another protocol", 1, None),
        ("a length of 0", 0, 0),
        ("a length of 1", 0, 1),
        ("a length of 60,000", 0, 60_000),
    ):
        strange = Connection(port)
        yield f"{what} is not answered with data", strange.say(strange.frame(pdu, UNIT, protocol, length), SILENCE_S)[7:8] != b"\x03"
        strange.close()
    yield "and the first connection goes on", connection.ask(pdu) == told
    others = [Connection(port) for _ in range(3)]
    yield "four clients at once", [each.ask(pdu) for each in (connection, *others)] == [told] * 4
    for each in others:
        each.close()


@contextmanager
def submeter(folder: Path) -> Iterator[tuple[Path, int]]:
    link = folder / "line"
    command = ["submeter", "--link", str(link), "--tcp", "127.0.0.1:0", "--address", str(UNIT), "--baud", str(BAUD)]
    with subprocess.Popen([sys.executable, "-m", "tools.command", *command], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = 0
            for line in process.stdout:
                port = int(line.rpartition(":")[2]) if line.startswith("TCP") else port
                if line.startswith("key"):
                    break
            yield link, port
        finally:
            process.terminate()
            process.communicate(timeout=START_S)


def run() -> dict[str, object]:
    deviations: list[str] = []
    asked = 0
    with tempfile.TemporaryDirectory() as folder, submeter(Path(folder)) as (link, port):
        for way in "RTU", "TCP":
            master = Wire(link) if way == "RTU" else Connection(port)
            for case in cases():
                reply = master.ask(case.request)
                asked += 1
                if not case.good(reply):
                    deviations.append(f"{way}: {case.what}: {case.request.hex()} -> {reply.hex()}")
            for what, good in on_the_wire(master) if isinstance(master, Wire) else on_tcp(port, master):
                asked += 1
                if not good:
                    deviations.append(f"{way}: {what}")
            master.close()
    return {"asked": asked, "deviations": deviations}


def main() -> int:
    found = run()
    print(json.dumps({"date": f"{datetime.now(UTC):%Y-%m-%d}", **found}))
    return 1 if found["deviations"] else 0


if __name__ == "__main__":
    sys.exit(main())
