"""Makes docs/reference/site.schema.json and the tables of docs/reference/site-file.md from the site's model.

`python -m tools.site_reference` writes them; a test holds them current.
"""

import json
from pathlib import Path
from typing import Any

from gateway.site import Site

REFERENCE = Path(__file__).parent.parent / "docs" / "reference"
SCHEMA = REFERENCE / "site.schema.json"
PAGE = REFERENCE / "site-file.md"
HEAD = """# The site file

TOML; unknown keys are mistakes. `shiftwatt check` tells every mistake at once.
Editors complete and check it with [site.schema.json](site.schema.json), made from the same model as the check.
"""
ARRAYS = ("line", "meter", "shift", "product", "rotation", "exception", "tariff", "target", "factor")


def schema() -> dict[str, Any]:
    found = Site.model_json_schema(by_alias=True)
    for place in ("folder", "file"):  # where the file lies is not written in it
        del found["properties"][place]
    found["title"] = "Shiftwatt site file"
    return found


def schema_text() -> str:
    return json.dumps(schema(), ensure_ascii=False, indent=1) + "\n"


def page_text() -> str:
    """A table per table of the file: key, kind, default."""
    document = schema()
    parts = [HEAD]
    for table, place in document["properties"].items():
        model = document["$defs"][_model(place)]
        heading = f"[[{table}]]" if table in ARRAYS else f"[{table}]"
        note = f"\n{model['description'].strip()}\n" if "description" in model else ""
        rows = [_row(key, value, model.get("required", ())) for key, value in model["properties"].items()]
        parts.append(f"\n## `{heading}`\n{note}\n| key | value | default |\n|---|---|---|\n" + "\n".join(rows) + "\n")
    return "".join(parts)


def _model(place: dict[str, Any]) -> str:
    """The name behind a reference, wherever it hides."""
    return json.dumps(place).partition("#/$defs/")[2].partition('"')[0]


def _row(key: str, value: dict[str, Any], required: list[str]) -> str:
    default = "required" if key in required else f"`{json.dumps(value.get('default'), ensure_ascii=False)}`"
    return f"| `{key}` | {_kind(value)} | {default} |"


def _kind(value: dict[str, Any]) -> str:
    if "anyOf" in value:
        return " or ".join(_kind(each) for each in value["anyOf"] if each.get("type") != "null")
    if "enum" in value:
        return ", ".join(f"`{each}`" if each != "" else "empty" for each in value["enum"])
    if "const" in value:
        return f"`{value['const']}`"
    if value.get("type") == "array":
        return f"list of {_kind(value.get('items', {'type': 'string'}))}"
    words = {"string": "text", "integer": "whole number", "boolean": "true or false", "number": "number"}
    bounds = [f"{word} {value[key]}" for key, word in (("minimum", "at least"), ("maximum", "at most")) if key in value]
    return ", ".join([words.get(value.get("type", "string"), "text"), *bounds])


def main() -> None:
    SCHEMA.write_text(schema_text(), encoding="utf-8")
    PAGE.write_text(page_text(), encoding="utf-8")


if __name__ == "__main__":
    main()
