"""The style sheet: readable colours in both schemes, and nothing an old kiosk browser does not know."""

import re
from pathlib import Path

import pytest

STATIC = Path(__file__).parents[1] / "static"
CSS = (STATIC / "pages.css").read_text(encoding="utf-8")
SCRIPTS = "\n".join(path.read_text(encoding="utf-8") for path in sorted(STATIC.glob("*.js")))
# WCAG 2.1, level AA: normal text, and graphical objects.
TEXT_CONTRAST_MIN, SHAPE_CONTRAST_MIN = 4.5, 3.0


def _scheme(dark: bool) -> dict[str, str]:
    light, night = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)[:2]
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", light))
    return colours | (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", night)) if dark else {})


def _luminance(colour: str) -> float:
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_text_has_the_contrast_of_level_aa(dark: bool) -> None:
    """Every colour that text is written in, on what lies behind it."""
    colours = _scheme(dark)
    pairs = [(name, back) for name in ("ink", "soft") for back in ("card", "back")]
    pairs += [(name, "card") for name in ("ok", "warn", "bad", "quiet", "energy", "carbon")] + [("on-warn", "warn-fill")]

    weak = [pair for pair in pairs if _contrast(colours[pair[0]], colours[pair[1]]) < TEXT_CONTRAST_MIN]

    assert weak == []
    assert _contrast("#ffffff", "#b3261e") >= TEXT_CONTRAST_MIN


@pytest.mark.parametrize("dark", [False, True])
def test_stripes_can_be_told_from_their_ground(dark: bool) -> None:
    """Measured, interpolated and estimated differ by their stripes, so the stripes must be seen."""
    colours = _scheme(dark)

    assert min(_contrast(colours[hue], colours[f"{hue}-light"]) for hue in ("energy", "carbon")) >= SHAPE_CONTRAST_MIN


def test_style_is_plain_enough_for_old_kiosks() -> None:
    """No container queries, :has, nesting, layers or newer functions; nothing fetched from elsewhere."""
    assert re.findall(r"(?<!min)max\(|min\(|oklch|@container|@layer|@import|:has\(|:is\(|&|clamp\(|color-mix|url\(|inset:", CSS) == []


def test_script_is_plain_enough_for_old_kiosks() -> None:
    """ES2017: no optional chaining, nullish operators, private fields or modules."""
    assert re.findall(r"\?\.|\?\?|#\w+\s*=|\bimport\b|\bexport\b|\.\.\.|replaceAll|\.at\(", SCRIPTS) == []
