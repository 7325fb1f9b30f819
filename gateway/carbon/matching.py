"""C21: the bought electricity of one stretch matched with certificates and contracts; they count for the whole site only."""

from collections.abc import Sequence
from typing import Any

from gateway.carbon.certificate import HOUR_MS, Drawn
from gateway.carbon.emission import Part
from gateway.carbon.scope import Window
from protocols.amount import outside

_KWH = "active_energy_import"


class Matching:
    """Draws from the site's ledger while the lines are made, and remembers what was drawn."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._used: dict[str, int] = {}
        self._matched = self._wanted = 0
        self._is_asked = bool(window.inputs.certificates) and window.scope.line is None

    def match(self, part: Part) -> Sequence[Drawn]:
        if not self._is_asked:
            return ()
        span = part.span
        drawn = self._window.site.ledger.draw(span.start_ms, span.end_ms, part.thousandths, hourly=self._is_hourly(part))
        for certificate, thousandths in drawn:
            self._used[certificate.serial] = self._used.get(certificate.serial, 0) + thousandths
        self._wanted += part.thousandths
        self._matched += sum(thousandths for _, thousandths in drawn)
        return drawn

    def document(self, reasons: list[str]) -> dict[str, Any]:
        """The key `certificates` of a figure, or nothing where none is declared."""
        if not self._is_asked:
            if self._window.inputs.certificates:
                reasons.append("certificates: they are matched for the whole site, not for a production line")
            return {}
        reasons += [f"certificates: {serial} is declared twice, so it is not used" for serial in self._window.site.ledger.doubled]
        used = [{"serial": serial, "kwh": outside(_KWH, self._used[serial])} for serial in sorted(self._used)]
        return {
            "certificates": {
                "matched_kwh": outside(_KWH, self._matched),
                "unmatched_kwh": outside(_KWH, self._wanted - self._matched),
                "used": used,
            }
        }

    def _is_hourly(self, part: Part) -> bool:
        """Whether every counter behind the part was read at least hourly in its time."""
        histories = (self._window.site.histories[key] for key, _ in part.shares)
        return all(each.is_read_every(part.span.start_ms, part.span.end_ms, HOUR_MS) for each in histories)
