"""The local pages for people; they ask through gateway.interfaces only."""

from gateway.pages.routes import Ground, Pages, pages, routes

__all__ = ["Ground", "Pages", "pages", "routes"]
