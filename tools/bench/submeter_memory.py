"""How much memory the submeter takes: `python -m tools.bench.submeter_memory` prints one JSON line; status 1 where a budget is not kept.

The real firmware runs on the PC's interpreter, compiled as on a board, while it measures and RTU and TCP are polled; a second run
asks for its page, too.
- `bundle_bytes`, `largest_file_bytes`: the compiled tree and its largest file, by chip.
- `heap_after_start`, `heap_at_end`: bytes in use after a collection; `heap_peak`: at most, garbage included, looked at in each turn.
- `smallest_heap`: the smallest heap, in steps, with which it starts and gives every answer. This is the honest figure: it holds
  what stays, what comes and goes, and the pieces in between. A PC's words are twice as wide as the chip's, so a chip takes less.
- `largest_piece_bytes_max`: with that heap no more than so many bytes are free after a collection. Where it is not over
  LARGEST_PIECE_BYTES no larger piece was asked for; where it is, that is not proven.
"""

import argparse
import json
import logging
import tempfile
import threading
import urllib.request
from pathlib import Path

from pymodbus.client import ModbusSerialClient, ModbusTcpClient
from pymodbus.exceptions import ModbusException

from tools import submeter
from tools.board.wishes import Recording, SubmeterError, Wishes
from tools.flashing import tree
from tools.flashing.chips import CHIPS

# Of a heap in a PC's bytes, serving RTU and TCP while it measures. With the page it takes what the chip has, in words of a PC.
BUDGET_BYTES = 160 * 1024
PAGE_BUDGET_BYTES = 256 * 1024
LARGEST_PIECE_BYTES = 8 * 1024  # after the start the chip's memory is in pieces, and a larger one may not be found
STEP_BYTES = 4 * 1024
METER_S = 4
HOST = "127.0.0.1"
RATE_HZ = 4_000


def measured(heap: str, recording: Recording | None, meter_s: float = METER_S, *, page: bool = False) -> dict[str, int] | None:
    """Answers, pages and the heap's figures; None if the firmware did not come through."""
    told: list[submeter.Heap] = []
    counts = {"rtu": 0, "tcp": 0, "pages": 0, "refused": 0}
    with tempfile.TemporaryDirectory(prefix="shiftwatt-memory-") as folder:
        link = Path(folder, "link")
        wishes = Wishes(link=link, tcp=(HOST, 0), page=(HOST, 0) if page else None, recording=recording, seconds=meter_s)
        up, over = threading.Event(), threading.Event()

        def tell(_meter: submeter.Submeter, heap: submeter.Heap | None) -> None:
            if heap is None:
                up.set()
            else:
                told.append(heap)
                over.set()

        meter = submeter.Submeter(wishes, tell, heap)
        failed: list[SubmeterError] = []

        def run() -> None:
            try:
                meter.run()
            except SubmeterError as error:
                failed.append(error)
            up.set()
            over.set()

        thread = threading.Thread(target=run)
        thread.start()
        up.wait()
        if not failed:
            _load(meter, link, over, counts)
        meter.stop()
        thread.join()
    if failed or not told or counts["refused"]:
        return None
    return {**counts, "heap_after_start": told[0].after_start, "heap_at_end": told[0].at_end, "heap_peak": told[0].peak}


def _load(meter: submeter.Submeter, link: Path, over: threading.Event, counts: dict[str, int]) -> None:
    tcp_host, tcp_port = meter.listening["tcp"]
    with ModbusSerialClient(str(link), timeout=3, retries=1) as rtu, ModbusTcpClient(tcp_host, port=tcp_port, timeout=3, retries=1) as tcp:
        while not over.is_set():
            for name, client in (("rtu", rtu), ("tcp", tcp)):
                try:
                    good = not client.read_input_registers(100, count=115, device_id=1).isError()
                except ModbusException:
                    good = False
                counts[name if good else "refused"] += 1
            if "page" in meter.listening:
                counts["pages" if _page_is_whole(*meter.listening["page"]) else "refused"] += 1


def _page_is_whole(host: str, port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{host}:{port}/", timeout=3) as page:
            return bool(page.read().endswith(b"</table>"))
    except OSError:
        return False


def smallest(recording: Recording | None, meter_s: float, *, page: bool) -> int:
    """By halving between what cannot be enough and the wider budget; the bytes of the heap."""
    low, high = 100 * 1024 // STEP_BYTES, PAGE_BUDGET_BYTES // STEP_BYTES
    while high - low > 1:
        middle = (low + high) // 2
        if measured(str(middle * STEP_BYTES), recording, meter_s, page=page):
            high = middle
        else:
            low = middle
    return high * STEP_BYTES


def recorded(folder: Path) -> Recording:
    """One second of a square wave: the sampled path does not care."""
    path = folder / "samples"
    frame = [sign * peak for sign in (1, -1) for _ in range(RATE_HZ // 100) for peak in (20_000, 9_000)]
    path.write_bytes(b"".join(value.to_bytes(2, "little", signed=True) for value in frame * 50))
    return Recording(path, RATE_HZ, 1, 450_000, 150_000)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=METER_S, help="of meter time in each run")
    seconds = parser.parse_args().seconds
    logging.disable(logging.CRITICAL)
    report: dict[str, object] = {}
    trees = {name: tree.library(chip) for name, chip in CHIPS.items()}
    report["bundle_bytes"] = {name: sum(map(len, files.values())) for name, files in trees.items()}
    report["largest_file_bytes"] = {name: max(map(len, files.values())) for name, files in trees.items()}
    within = True
    with tempfile.TemporaryDirectory(prefix="shiftwatt-memory-") as folder:
        recording = recorded(Path(folder))
        for name, samples, page in (("test_signal", None, False), ("sample_file", recording, False), ("test_signal_and_page", None, True)):
            budget = PAGE_BUDGET_BYTES if page else BUDGET_BYTES
            heap = smallest(samples, seconds, page=page)
            found = measured(str(budget), samples, seconds, page=page)
            within = within and found is not None
            free = heap - (found or {"heap_at_end": 0})["heap_at_end"]
            report[name] = {"budget_bytes": budget, **(found or {}), "smallest_heap": heap, "largest_piece_bytes_max": free}
    print(json.dumps(report))
    return 0 if within else 1


if __name__ == "__main__":
    raise SystemExit(main())
