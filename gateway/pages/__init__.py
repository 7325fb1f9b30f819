"""The local pages for people; they ask through gateway.interfaces only."""

from gateway.pages.routes import Ground, routes

__all__ = ["Ground", "routes"]
