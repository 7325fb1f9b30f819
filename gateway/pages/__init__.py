"""The local pages for people; they ask through gateway.interfaces only."""

from gateway.pages.routes import routes

__all__ = ["routes"]
