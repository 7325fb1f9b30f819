"""Changes of the site file by people at the pages: checked before anything is written, comments kept, each a version to go back to.

The file stays the truth: it is read anew for every change, so that what somebody wrote by hand meanwhile is kept, too.
What a change means to lines and books is not known here.
"""

import difflib
import json
import os
import re
import tempfile
import threading
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import tomlkit
from tomlkit.exceptions import ParseError, TOMLKitError
from tomlkit.items import AoT, Table
from tomlkit.toml_document import TOMLDocument

from gateway.commission_interface import RefusedError, Version
from gateway.site import Site, parse
from gateway.site_check import SiteError, site_of
from gateway.site_relations import Models

FOLDER = "site_versions"
RESTORED = "restored"
# Against two persons at one row, not against a forger.
MARK_DIGITS = 16
_NUMBERED = re.compile(r"(\d{4,})\.json")

Edit = Callable[[TOMLDocument], None]


class Change(NamedTuple):
    """Who wants what: `kind` names its words, `subject` the meter or line it is about."""

    person: str
    kind: str
    subject: str


class SiteEditor:
    def __init__(
        self,
        path: Path,
        data_folder: Path,
        models: Models,
        now_ms: Callable[[], int],
        apply: Callable[[Site], None],
        report: Callable[[Change], None],
    ) -> None:
        """`apply` makes the running gateway follow; if it fails, the file is put back."""
        self._path = path.resolve()
        self._folder = data_folder / FOLDER
        self._models, self._now_ms, self._apply, self._report = models, now_ms, apply, report
        self._lock = threading.Lock()

    def change(self, change: Change, edit: Edit, approve: Callable[[Site], None] = lambda _site: None) -> None:
        """RefusedError if the file would have a mistake by it, or `approve` refuses: then nothing is written."""
        with self._lock:
            before = self._text()
            document = _document(before)
            edit(document)
            self._put(change, before, tomlkit.dumps(document).rstrip("\n") + "\n", approve)

    def versions(self) -> list[Version]:
        """Beginning with the last change."""
        now = _digest(self._text())
        return [_version(document, now) for document in reversed(self._documents())]

    def difference(self, number: int) -> str:
        """What that change did, as lines with + and -; "" for a number nobody knows."""
        before, after = self._side(number, "before"), self._side(number, "after")
        if before is None or after is None:
            return ""
        return "\n".join(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=1, fromfile="-", tofile="+"))

    def mark(self, table: str, name: str) -> str:
        """What a row is like; "" if there is none."""
        rows = _document(self._text()).unwrap().get(table, ())
        return next((_mark(row) for row in rows if row.get("name") == name), "")

    def restore(self, person: str, number: int, seen: int) -> None:
        """The file as it was before that change; later ones go with it, and this is a change of its own.

        Refused if there are changes newer than `seen`: nobody takes back what he has not looked at.
        """
        with self._lock:
            newest = max((int(document["number"]) for document in self._documents()), default=0)
            if newest > seen:
                raise RefusedError("commission_refused.newer", number=newest)
            text = self._side(number, "before")
            if text is None:
                raise RefusedError("commission_refused.version", number=number)
            self._put(Change(person, RESTORED, str(number)), self._text(), text, lambda _site: None)

    def _text(self) -> str:
        try:
            return self._path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise RefusedError("commission_refused.file", [str(error)]) from error

    def _put(self, change: Change, before: str, after: str, approve: Callable[[Site], None]) -> None:
        try:
            site = site_of(parse(after), self._path, self._models)
        except SiteError as error:
            fields = [mistake.key for mistake in error.mistakes]
            raise RefusedError("commission_refused.mistakes", [str(mistake) for mistake in error.mistakes], fields) from error
        if after == before:
            return
        approve(site)
        try:
            self._keep(change, before, after)
            _replace(self._path, after)
        except OSError as error:
            raise RefusedError("commission_refused.unwritable", [str(error)]) from error
        try:
            self._apply(site)
        except BaseException:
            _replace(self._path, before)
            raise
        self._report(change)

    def _keep(self, change: Change, before: str, after: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        number = max((document["number"] for document in self._documents()), default=0) + 1
        document = {"number": number, "time_ms": self._now_ms(), **change._asdict(), "after": _digest(after), "before": _digest(before)}
        for side, text in (("before", before), ("after", after)):
            _replace(self._folder / f"{number:04}.{side}.toml", text)
        _replace(self._folder / f"{number:04}.json", json.dumps(document, ensure_ascii=False, indent=1) + "\n")

    def _documents(self) -> list[dict[str, Any]]:
        """The oldest first."""
        found = [path for path in self._folder.glob("*.json") if _NUMBERED.fullmatch(path.name)]
        return sorted((json.loads(path.read_text(encoding="utf-8")) for path in found), key=lambda each: int(each["number"]))

    def _side(self, number: int, side: str) -> str | None:
        path = self._folder / f"{number:04}.{side}.toml"
        return path.read_text(encoding="utf-8") if path.is_file() else None


def _document(text: str) -> TOMLDocument:
    try:
        return tomlkit.parse(text)
    except TOMLKitError as error:
        where = f" in line {error.line}" if isinstance(error, ParseError) else ""
        raise RefusedError("commission_refused.file", [f"it is not valid TOML{where}"]) from error


def add_row(table: str, row: Mapping[str, Any]) -> Edit:
    """Keys without a value are left out: the file stays short."""

    def edit(document: TOMLDocument) -> None:
        fresh = tomlkit.table()
        for key, value in row.items():
            if value not in ("", None):
                fresh.add(key, value)
        rows = document.get(table)
        if not isinstance(rows, AoT):
            rows = tomlkit.aot()
            if document.as_string().strip():
                document.add(tomlkit.nl())
            document.append(table, rows)
        elif rows and not rows[-1].as_string().endswith("\n\n"):
            rows[-1].add(tomlkit.nl())
        fresh.add(tomlkit.nl())  # a table that follows stands apart
        rows.append(fresh)

    return edit


def change_row(table: str, name: str, changes: Mapping[str, Any], seen: str = "") -> Edit:
    """A key that becomes "" goes; comments beside the others stay. A new name is followed wherever the old one stands.

    With a mark in `seen` it is refused if the row is another by now.
    """

    def edit(document: TOMLDocument) -> None:
        row = _row(document, table, name)
        if seen and _mark(row.unwrap()) != seen:
            raise RefusedError("commission_refused.meanwhile", name=name)
        for key, value in changes.items():
            if value in ("", None):
                row.pop(key, None)
            elif row.get(key) != value:
                row[key] = value
        new = changes.get("name", name)
        if table == "meter" and new != name:
            row["was"] = [name, *(each for each in row.get("was", ()) if each not in (name, new))]
            _follow(document, name, str(new))

    return edit


def remove_row(table: str, name: str) -> Edit:
    def edit(document: TOMLDocument) -> None:
        _row(document, table, name)
        rows = document[table]
        assert isinstance(rows, AoT)
        at = next(index for index, row in enumerate(rows) if row.get("name") == name)
        del rows[at]
        if not rows:
            del document[table]

    return edit


# Where the name of a meter stands besides its own row: table and key.
_NAMED_IN = (("meter", "parent"), ("product", "units_from"), ("product", "node"))


def _follow(document: TOMLDocument, old: str, new: str) -> None:
    for table, key in _NAMED_IN:
        for row in document.get(table, ()):
            if row.get(key) == old:
                row[key] = new


def _row(document: TOMLDocument, table: str, name: str) -> Table:
    found = next((row for row in document.get(table, ()) if row.get("name") == name), None)
    if found is None:
        raise RefusedError("commission_refused.gone", name=name)
    assert isinstance(found, Table)
    return found


def _version(document: Mapping[str, Any], now: str) -> Version:
    return Version(
        document["number"],
        document["time_ms"],
        document["person"],
        document["kind"],
        document["subject"],
        stands=document["after"] == now,
    )


def _mark(row: Mapping[str, Any]) -> str:
    return _digest(json.dumps(row, sort_keys=True, default=str))[:MARK_DIGITS]


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _replace(path: Path, text: str) -> None:
    """After a power cut the file holds the old text or the new one; who may read it stays as it was."""
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
