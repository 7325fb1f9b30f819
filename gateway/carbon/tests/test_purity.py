"""C32 and the house rules: integers and one decimal context, no clock, file, port or log in this room."""

import ast
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.carbon import exact

ROOM = Path(__file__).parent.parent
MODULES = sorted(ROOM.glob("*.py"))
REACHES = {
    "time",
    "os",
    "io",
    "pathlib",
    "socket",
    "random",
    "logging",
    "zoneinfo",
    "sqlite3",
    "threading",
    "asyncio",
    "subprocess",
    "urllib",
}


def nodes(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_c32_there_is_no_float(path: Path) -> None:
    """No literal, no true division, no float(), no division of decimals outside `exact`."""
    literals = [node.lineno for node in nodes(path) if isinstance(node, ast.Constant) and isinstance(node.value, float | complex)]
    divisions = [node for node in nodes(path) if isinstance(node, ast.Div)]
    names = [node.lineno for node in nodes(path) if isinstance(node, ast.Name) and node.id == "float"]

    assert (literals, divisions, names) == ([], [], [])


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_the_room_reaches_no_clock_file_port_or_log(path: Path) -> None:
    """Time zones are given, and so is everything else; `datetime.now` is not called either."""
    imported = {alias.name.split(".")[0] for node in nodes(path) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {(node.module or "").split(".")[0] for node in nodes(path) if isinstance(node, ast.ImportFrom)}
    called = {node.attr for node in nodes(path) if isinstance(node, ast.Attribute)}

    assert imported & REACHES == set()
    assert called & {"now", "today", "utcnow"} == set()


@pytest.mark.parametrize(
    ("dividend", "divisor", "expected"),
    [
        ("1", "3", "0.333333"),
        ("0.0000005", "1", "0.000000"),
        ("0.0000015", "1", "0.000002"),
        ("2", "3", "0.666667"),
        ("-1", "3", "-0.333333"),
    ],
)
def test_c32_quotients_are_rounded_half_even_to_six_decimals(dividend: str, divisor: str, expected: str) -> None:
    """Once, from the exact ratio."""
    assert exact.text(exact.quotient(Decimal(dividend), Decimal(divisor))) == expected


def test_c32_products_are_exact_whatever_the_default_context() -> None:
    """Nineteen digits times twelve keep every digit."""
    left, right = Decimal("9223372036854.775807"), Decimal("0.123456789012")

    assert exact.text(exact.product(left, right)).replace(".", "") == str(9223372036854775807 * 123456789012)
    assert exact.total([left, right]) == Decimal("9223372036854.899263789012")


@pytest.mark.parametrize(("value", "expected"), [("480.000", "480"), ("120.500", "120.5"), ("0.000", "0"), ("100", "100")])
def test_counts_are_printed_without_zeros_behind_the_point(value: str, expected: str) -> None:
    """480 pieces, not 480.000."""
    assert exact.plain(Decimal(value)) == expected
