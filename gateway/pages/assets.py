"""The pages' own style sheet, script and icon: read once, served from memory under an address that names their content.

Only files of `static/` are known, by name; no path is ever joined.
"""

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
_TAG_LENGTH = 16  # 64 bits: no two versions of one file ever share it


@dataclass(frozen=True)
class Asset:
    name: str
    content: bytes
    media_type: str
    tag: str

    @property
    def address(self) -> str:
        return f"/static/{self.name}?v={self.tag}"


def load_assets() -> dict[str, Asset]:
    return {each.name: _asset(each) for each in files(__package__).joinpath("static").iterdir() if _ending(each) in _TYPES}


def pages_tag() -> str:
    """Changes with any file a page is made of: a browser that shows an older page loads it anew."""
    digest = hashlib.sha256()
    here = files(__package__)
    for folder in (here.joinpath("static"), here.joinpath("templates"), files("gateway").joinpath("strings")):
        for each in _all_files(folder):
            digest.update(each.read_bytes())
    return digest.hexdigest()[:_TAG_LENGTH]


def _all_files(folder: Traversable) -> list[Traversable]:
    found: list[Traversable] = []
    for each in sorted(folder.iterdir(), key=lambda entry: entry.name):
        found.extend(_all_files(each) if each.is_dir() else [each])
    return found


def _asset(file: Traversable) -> Asset:
    content = file.read_bytes()
    return Asset(file.name, content, _TYPES[_ending(file)], hashlib.sha256(content).hexdigest()[:_TAG_LENGTH])


def _ending(file: Traversable) -> str:
    return file.name.rpartition(".")[2]
