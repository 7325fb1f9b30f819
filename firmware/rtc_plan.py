"""How RTC memory is divided, and how many counters there are. Only numbers live here; the board has 2048 bytes."""

from firmware.carried import BYTES
from firmware.counter_mirror import mirror_bytes
from firmware.front_ends.tally import AREA_BYTES

COUNTERS = 16  # four kinds of energy, in total and for three phases; what a phase less does not use stays 0
COUNTERS_AREA, FRONT_END_AREA = range(2)
AREAS = (mirror_bytes(COUNTERS, BYTES), AREA_BYTES)
