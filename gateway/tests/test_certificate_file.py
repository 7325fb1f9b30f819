"""C21: certificates read from a file."""

from decimal import Decimal
from pathlib import Path

import pytest

from gateway.carbon.certificate import Certificate
from gateway.certificate_file import COLUMNS, load_certificates
from protocols.reading import milliseconds_of

GOOD = "GEC-1,certificate,CN,2026-01-01T00:00:00+08:00,2027-01-01T00:00:00+08:00,1.5,MWh,,,2026,registry"


def load(folder: Path, *rows: str) -> tuple[tuple[Certificate, ...], tuple[str, ...]]:
    file = folder / "certificates.csv"
    file.write_text("\n".join([",".join(COLUMNS), *rows]), encoding="utf-8")
    return load_certificates(file)


def test_c21_a_row_is_a_certificate(tmp_path: Path) -> None:
    """1.5 MWh from local New Year to local New Year."""
    begin, end = (milliseconds_of(f"{year}-01-01T00:00:00+08:00") for year in (2026, 2027))

    expected = Certificate("GEC-1", "CN", begin, end, 1_500_000_000, "certificate", Decimal(0), "", "", 2026, "registry")
    assert load(tmp_path, GOOD) == ((expected,), ())


@pytest.mark.parametrize(
    ("right", "wrong", "sentence"),
    [
        ("GEC-1", "", "needs a serial number"),
        (",certificate", ",paper", "as kind one of certificate, contract"),
        ("2027-01", "2025-01", "must end after it starts"),
        ("+08:00,2027", ",2027", "has no offset"),
        ("1.5", "-1.5", "above zero"),
        ("MWh", "m3", "does not fit"),
        ("MWh,", "MWh,0.1", "names its gases"),
        (",2026,registry", ",soon,registry", "line 2: invalid literal"),
    ],
)
def test_c21_a_wrong_row_is_refused_and_the_others_are_taken(right: str, wrong: str, sentence: str, tmp_path: Path) -> None:
    """With its line number."""
    found, refused = load(tmp_path, GOOD.replace(right, wrong, 1), GOOD)

    assert (len(found), len(refused)) == (1, 1)
    assert "line 2: " in refused[0]
    assert sentence in refused[0]


def test_c21_a_file_with_another_header_is_refused(tmp_path: Path) -> None:
    """It says which one is needed."""
    file = tmp_path / "certificates.csv"
    file.write_text("serial,kwh\n", encoding="utf-8")

    assert load_certificates(file) == ((), (f"{file} line 1: the header must be {','.join(COLUMNS)}",))
