"""`shiftwatt read --raw`: registers as they stand in a meter, read as every type side by side. It helps to write a meter file."""

from collections.abc import Sequence
from typing import Any

from gateway import field_work
from gateway.acquire.interpretations import interpretations, texts
from gateway.acquire.wire import Settings, Wire
from protocols.errors import OurMistake
from protocols.pdu import ReadRequest, encode_request
from tools.commands.line_choice import Choice, here, there
from tools.commands.options import console, print_json, table
from tools.exits import WRONG_USE, fail

_FORM = "ADDRESS:FUNCTION:REGISTER:COUNT, such as 5:3:0:10"
_ADDRESS_MAX = 247
MARKS_MAX = 2  # the widest types come last and tell most


def wanted(text: str) -> tuple[int, ReadRequest]:
    """The unit and the request; ends with status 2 where it is none."""
    try:
        address, function, register, count = (int(part, 0) for part in text.split(":"))
        request = ReadRequest(function, register, count)
        encode_request(request)
    except ValueError:
        fail(f"--raw is {_FORM}, not {text!r}", WRONG_USE)
    except OurMistake as mistake:
        fail(f"--raw {text}: {mistake}", WRONG_USE)
    if not 1 <= address <= _ADDRESS_MAX:
        fail(f"--raw {text}: the address is 1 to {_ADDRESS_MAX}", WRONG_USE)
    return address, request


def read_raw(choice: Choice, text: str, settings: Settings | None, *, as_json: bool) -> None:
    address, request = wanted(text)
    target = choice.target if settings is None else choice.target._replace(settings=settings)

    async def work(wire: Wire) -> dict[str, Any]:
        return {"words": await field_work.read_raw(wire, target, address, request)}

    if choice.owned:
        asked = {"address": address, "function": request.function, "register": request.address, "count": request.count}
        answer = there(choice, "read_raw", lambda _: None, **asked)
    else:
        answer = here(work, target)
    words = list(answer["words"])
    if as_json:
        found = [each._asdict() for each in interpretations(request.address, words)]
        print_json(
            {"address": address, "function": request.function, "register": request.address, "words": words, "interpretations": found}
        )
    else:
        _show(request.address, words)


def _show(first: int, words: Sequence[int]) -> None:
    """One line a register; every number beside the type that makes it."""
    out = console()
    columns = ("uint16", "int16", "uint32", "uint32 little", "int32", "float32", "float32 little")
    shown = table("register", "hex", *columns, "looks like", numbers=("register", *columns))
    by_register: dict[int, dict[str, str]] = {}
    marks: dict[int, list[str]] = {}
    for each in interpretations(first, words):
        by_register.setdefault(each.register, {})[f"{each.type}{' little' if each.order == 'little' else ''}"] = each.number
        if each.mark:
            marks.setdefault(each.register, []).append(f"{each.type}{' little' if each.order == 'little' else ''}: {each.mark}")
    for index, word in enumerate(words):
        numbers = by_register.get(first + index, {})
        cells = [_short(numbers.get(column, "")) for column in columns]
        shown.add_row(str(first + index), f"{word:04X}", *cells, "; ".join(marks.get(first + index, [])[-MARKS_MAX:]))
    out.print(shown)
    if letters := texts(first, words):
        print(letters)


def _short(number: str) -> str:
    """A float of the wrong type may have forty digits: those tell nothing."""
    return number if len(number) <= 14 else "-"
