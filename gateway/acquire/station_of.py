"""Which kind of station a meter is, by the language of its file."""

from gateway.acquire.dlt_station import DltStation
from gateway.acquire.station import Station, StationSpec
from gateway.acquire.sunspec_station import SunSpecStation
from gateway.interfaces import Memory
from protocols.meter import DLT645, SUNSPEC

_KINDS: dict[str, type[Station]] = {DLT645: DltStation, SUNSPEC: SunSpecStation}


def station_of(spec: StationSpec, memory: Memory | None = None, now_ms: int = 0) -> Station:
    return _KINDS.get(spec.meter.language, Station)(spec, memory, now_ms)
