"""What all of the meter's pages share: their frame, their tables, their words, and text that cannot become markup. Runs on MicroPython."""

_HEAD = (
    "<!doctype html><html lang=%s><meta charset=utf-8><meta name=viewport content='width=device-width'>%s<title>%s</title>"
    "<style>body{font:16px sans-serif;margin:1em;max-width:26em}table{width:100%%}td{padding:.1em .8em .1em 0}td+td{text-align:right}"
    "b{color:#a30}input,select{font-size:16px}p.n{color:#555}</style><h1>%s</h1>"
    "<p><a href='/?lang=%s'>%s</a> · <a href='/settings?lang=%s'>%s</a> · <a href='?lang=%s'>%s</a>"
)
_REFRESH = "<meta http-equiv=refresh content=5>"


class Words:
    """The words of one language by name, as they lie in its text: lines of `name=words`."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __getitem__(self, name: str) -> str:
        found = self.find(name)
        if found is None:
            raise KeyError(name)
        return found

    def find(self, name: str) -> "str | None":
        at = self._text.find("\n%s=" % name)
        if at < 0:
            return None
        at += len(name) + 2
        return self._text[at : self._text.find("\n", at)]

    def choices(self, name: str) -> "list[str]":
        return self[name].split("|")


def words_of(language: str) -> Words:
    """Only the language that is wanted costs memory."""
    if language == "zh":
        from firmware.words_zh import TEXT  # noqa: PLC0415 - see above
    else:
        from firmware.words_en import TEXT  # noqa: PLC0415 - likewise
    return Words(TEXT)


def head(words: Words, title: str, *, refresh: bool = False) -> str:
    language = words["lang"]
    other = "en" if language == "zh" else "zh"
    links = (language, words["values"], language, words["settings"], other, words["other"])
    return _HEAD % ((language, _REFRESH if refresh else "", safe(title), safe(title)) + links)  # noqa: RUF005 - MicroPython has no star here


def section(title: str) -> str:
    return "<h2>%s</h2><table>" % title


def row(label: str, text: str) -> str:
    return "<tr><td>%s<td>%s" % (label, text)


def safe(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("'", "&#39;").replace('"', "&quot;")
