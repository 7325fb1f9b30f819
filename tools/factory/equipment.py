"""Which meter hangs where in the virtual factory: one row each, nothing else."""

from typing import NamedTuple

RS485 = "rs485-1"
TCP = "tcp-1"
PULSE_COUNTER = "pulse-counter"
SUBMETER = "shiftwatt-submeter"


class Place(NamedTuple):
    """`start_kwh` is what the counter showed when the factory opened; `ct_ratio` what its transformers need."""

    name: str
    model: str
    line: str
    address: int
    role: str
    parent: str
    rating: str
    start_kwh: int = 0
    ct_ratio: int = 1


MAIN = "main"
PIECES = "press-1-counter"

PLACES = (
    Place(MAIN, "eastron-sdm630", RS485, 1, "import", "", "250 kW", 18_240),
    Place("press-1", "chint-dtsu666", RS485, 2, "load", MAIN, "90 kW", 5_120, ct_ratio=40),
    Place("press-2", "schneider-iem3155", RS485, 3, "load", MAIN, "60 kW", 3_874),
    Place("furnace", "abb-b23", RS485, 4, "load", MAIN, "45 kW", 9_406),
    Place("compressor", "eastron-sdm630", RS485, 5, "load", MAIN, "60 kW", 6_551),
    Place("lighting", "eastron-sdm120", RS485, 6, "load", MAIN, "10 kW", 2_023),
    Place("cnc", "chint-dtsu666", RS485, 7, "load", MAIN, "45 kW", 1_707),
    Place("cooling", SUBMETER, RS485, 8, "load", MAIN, "15 kW", 3_310),
    Place("ventilation", SUBMETER, RS485, 9, "load", MAIN, "10 kW", 2_748),
    Place("pv", "sunspec-meter-float", TCP, 1, "generation", MAIN, "100 kW"),
    Place(PIECES, PULSE_COUNTER, TCP, 2, "pieces", "", "1200 pieces/h"),
)
# Ours: where MicroPython is installed the real firmware measures there.
OWN = tuple(place for place in PLACES if place.model == SUBMETER)
