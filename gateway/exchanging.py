"""One request to one meter, through whoever owns its line: this process or the gateway that runs.

What is asked for what purpose is not known here. Requests go through the control socket as documents of plain words.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gateway import control
from gateway.acquire.master import WireClosed
from gateway.acquire.schedule import BULK, PERSON
from gateway.acquisition import Acquisition
from gateway.site import MeterTable
from protocols.errors import MeterRefused, NoAnswer, ProtocolError
from protocols.pdu import ReadRequest, ReadWriteRegisters, Request, WriteRegister, WriteRegisters

# The longest a request in bulk waits for its turn on a full line is ten seconds; then it may time out, and be probed for.
TURN_S_MAX = 30.0
_REQUESTS: Mapping[str, Any] = {each.__name__: each for each in (ReadRequest, WriteRegister, WriteRegisters, ReadWriteRegisters)}

# (request, in bulk) -> the words that were read; in bulk: it can wait for a line that has nothing else to do.
# MeterRefused, NoAnswer for all else that a repetition may mend, ControlError if the gateway that runs cannot.
Exchange = Callable[[Request, bool], tuple[int, ...]]


def of_own(acquisition: Acquisition, meter: MeterTable) -> Exchange:
    assert meter.address is not None, "a meter on a line has an address: site_check"
    address = meter.address

    def exchange(request: Request, in_bulk: bool) -> tuple[int, ...]:  # noqa: FBT001 - a function type has no names
        try:
            answer = acquisition.exchange(meter.line, address, request, BULK if in_bulk else PERSON, wait_s=TURN_S_MAX)
        except MeterRefused:
            raise
        except (ProtocolError, WireClosed) as error:
            raise NoAnswer(str(error)) from error
        return answer.words

    return exchange


def through_gateway(folder: Path, meter: MeterTable) -> Exchange:
    def exchange(request: Request, in_bulk: bool) -> tuple[int, ...]:  # noqa: FBT001 - likewise
        document = [type(request).__name__, *request]
        answer = control.ask(folder, "exchange", meter=meter.name, request=document, in_bulk=in_bulk)
        if "refused" in answer:
            raise MeterRefused(answer["refused"])
        if "silent" in answer:
            raise NoAnswer(answer["silent"])
        return tuple(answer["words"])

    return exchange


def answered(exchange: Exchange, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The other end of `through_gateway`, in the gateway that runs."""
    name, *words = asked["request"]
    if name not in _REQUESTS:
        raise control.ControlError(f"the running gateway sends no {name}; is it of the same version?")
    request = _REQUESTS[name](*(tuple(word) if isinstance(word, list) else word for word in words))
    try:
        return {"words": exchange(request, bool(asked["in_bulk"]))}
    except MeterRefused as refusal:
        return {"refused": refusal.code}
    except NoAnswer as silence:
        return {"silent": str(silence)}
