"""The generated reference of the site file is current."""

from tools import site_reference


def test_schema_and_page_are_what_the_model_gives() -> None:
    """`python -m tools.site_reference` would change nothing."""
    assert site_reference.SCHEMA.read_text(encoding="utf-8") == site_reference.schema_text()
    assert site_reference.PAGE.read_text(encoding="utf-8") == site_reference.page_text()


def test_every_table_of_the_file_stands_in_the_page() -> None:
    """Also the keys that only a few sites need."""
    page = site_reference.page_text()

    for words in ("## `[site]`", "## `[[meter]]`", "| `class` |", "| `ct_class` |", "| `handover` |", "## `[upstream]`"):
        assert words in page
