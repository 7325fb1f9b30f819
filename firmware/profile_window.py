"""The load profile as registers show it: as many records as the window holds, from the quarter that was selected.

Records come from the load profile; what stands where in one is the register map's.
"""

import struct

from firmware.load_profile import NOT_RECORDED, PROFILE_TOTALS, QUARTER_S, LoadProfile, ProfileRecord
from firmware.register_image import number_of, place_of
from firmware.register_map import PROFILE_RECORD

RECORD_BYTES = struct.calcsize(PROFILE_RECORD)
RECORDS = 2 * place_of(number_of("profile_data"))[2] // RECORD_BYTES
IS_RECORDED, IS_NOT_RECORDED, IS_UNREADABLE = range(3)  # as in the register: their words are in memory at the start only

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firmware.load_profile import Gap
    from firmware.register_image import RegisterImage


class ProfileWindow:
    def __init__(self, profile: LoadProfile, image: "RegisterImage") -> None:
        self._profile = profile
        self._image = image
        image.put("profile_interval_s", QUARTER_S)

    def bounds(self, newest: "int | None") -> None:
        """`newest`: the quarter that ended last; nothing is known while the clock is unset."""
        self._image.put("profile_newest", newest)
        self._image.put("profile_oldest", None if newest is None else max(0, self._profile.oldest(newest)))

    def select(self, first: int, newest: "int | None") -> None:
        image = self._image
        end = first if newest is None else max(first, min(first + RECORDS, newest + 1))
        data = b"".join([_packed(quarter, record) for quarter, record in self._profile.records(first, end)])
        image.put_octets("profile_data", data)
        image.put("profile_select", first)
        image.put("profile_first", first)
        image.put("profile_count", end - first)


def _packed(quarter: int, record: "ProfileRecord | Gap") -> bytes:
    if not isinstance(record, ProfileRecord):
        state = IS_NOT_RECORDED if record is NOT_RECORDED else IS_UNREADABLE
        return struct.pack(PROFILE_RECORD, quarter, 0, state, 0, *[0] * PROFILE_TOTALS)
    return struct.pack(PROFILE_RECORD, quarter, record.epoch, IS_RECORDED, record.coverage_percent, *record.totals)
