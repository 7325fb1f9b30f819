"""The order in which a wall screen shows its views, and for how long. Pure."""

VIEWS = ("now", "shifts", "alarms")
# Long enough to read a view from across the hall, short enough that the next one is worth waiting for.
WALL_SECONDS = 15


def view_after(wanted: str) -> tuple[str, str]:
    """The view to show and the one that follows; an unknown one begins anew."""
    shown = wanted if wanted in VIEWS else VIEWS[0]
    return shown, VIEWS[(VIEWS.index(shown) + 1) % len(VIEWS)]
