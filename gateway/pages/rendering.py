"""Values ready to show become HTML: the templates and what they may use. Everything is escaped.

A page is its frame plus live fragments; the same fragments are sent again when they change.
"""

import re
from collections.abc import Callable, Mapping
from functools import partial
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from gateway.language import CHINESE, ENGLISH, Language
from gateway.pages.access import FORM_TOKEN
from gateway.pages.assets import Asset
from gateway.pages.navigation import shown_to
from gateway.pages.overview import Overview
from gateway.pages.shifts import DAYS_SHOWN
from gateway.pages.visitor import Visitor

FRAGMENTS = tuple(sorted(each.name.removesuffix(".html") for each in files(__package__).joinpath("templates", "fragments").iterdir()))

_CHINESE, _WORDS = re.compile("[\u4e00-\u9fff]"), re.compile("[a-z]{2,} [a-z]{2,}")
# Without JavaScript the page comes anew this often: as often as power is measured by default.
REFRESH_S = 10


class Rendering:
    def __init__(self, assets: Mapping[str, Asset], site_name: str, zone: str) -> None:
        self._environment = Environment(
            loader=PackageLoader("gateway.pages"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        self._environment.globals["asset"] = lambda name: assets[name].address
        self._site = {"site": site_name, "zone": zone, "days_shown": DAYS_SHOWN, "refresh_s": REFRESH_S}

    def warm(self, pause: Callable[[], object]) -> None:
        """A template is compiled at its first use, which takes longer than the page itself: all of them now, one by one."""
        for name in self._environment.list_templates():
            self._environment.get_template(name)
            pause()

    def fragments(self, view: Overview, language: Language) -> dict[str, str]:
        return {name: self._render(f"fragments/{name}.html", language, view=view) for name in FRAGMENTS}

    def overview(self, fragments: Mapping[str, str], page_tag: str, visitor: Visitor) -> str:
        return self.page("overview.html", visitor, live=_marked(fragments), page=page_tag)

    def wall(self, fragments: Mapping[str, str], visitor: Visitor, **values: object) -> str:
        return self.page("wall.html", visitor, live=_marked(fragments), **values)

    def page(self, template: str, visitor: Visitor, **values: object) -> str:
        """A whole page that extends `base.html`; in a form, `form_token()` makes the hidden field that every action asks for."""
        field = Markup('<input type="hidden" name="{}" value="{}">').format(FORM_TOKEN, visitor.form_token)
        frame = {"visitor": visitor, "navigation": shown_to(visitor), "form_token": lambda: field}
        return self._render(template, visitor.language, **frame, **values)

    def failed(self, language: Language) -> str:
        return self._render("failed.html", language)

    def _render(self, template: str, language: Language, **values: object) -> str:
        words = {"say": language.say, "word": language.word, "code": language.code, "tongue": partial(_tongue, language)}
        return self._environment.get_template(template).render(self._site | words | values)


def _tongue(language: Language, text: str) -> Markup:
    """The attribute that tells a screen reader of words in another language than the page's; "" where they are its own."""
    spoken = CHINESE if _CHINESE.search(text) else ENGLISH if _WORDS.search(text) else language.code
    return Markup("") if spoken == language.code else Markup(' lang="{}"').format(spoken)


def _marked(fragments: Mapping[str, str]) -> dict[str, Markup]:
    return {name: Markup(text) for name, text in fragments.items()}  # noqa: S704 - made and escaped by our own templates
