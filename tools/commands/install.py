"""`shiftwatt install`: the gateway as a service of this machine, which starts with it."""

import os
import shutil
import subprocess
import sys
import sysconfig
from importlib import resources
from pathlib import Path
from string import Template
from typing import Annotated, NamedTuple
from zoneinfo import available_timezones

import typer

from gateway.site_key import identifier
from tools import service
from tools.exits import WRONG_USE, fail

NAME = "install"
STATE = Path("/var/lib/shiftwatt")
SITE = STATE / "site.toml"
ROOT_USER = 0


class Laid(NamedTuple):
    """A file of `tools/service`, where it goes, and whether one that is there is kept."""

    source: str
    target: Path
    is_kept: bool


FILES = (
    Laid("sysusers.conf", Path("/etc/sysusers.d/shiftwatt.conf"), is_kept=False),
    Laid("shiftwatt.service", Path("/etc/systemd/system/shiftwatt.service"), is_kept=False),
    Laid("profile.sh", Path("/etc/profile.d/shiftwatt.sh"), is_kept=False),
    Laid("site.toml", SITE, is_kept=True),
)
# What `systemctl enable` makes; in an image nobody can ask systemctl.
ENABLED = Path("/etc/systemd/system/multi-user.target.wants/shiftwatt.service")
# The user must be there before the service starts; systemd then gives it the state folder.
STEPS = (
    ("systemd-sysusers", "/etc/sysusers.d/shiftwatt.conf"),
    ("systemctl", "daemon-reload"),
    ("systemctl", "enable", "--now", "shiftwatt"),
)


def command(
    name: Annotated[str, typer.Option("--name", help="The site's name, for a site file that is not there yet.")] = "my-works",
    timezone: Annotated[
        str | None, typer.Option("--timezone", help="Its time zone, for instance Asia/Shanghai; default: this machine's.")
    ] = None,
    root: Annotated[Path, typer.Option("--root", help="Write below this folder and start nothing: for the image of a card.")] = Path("/"),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show every file and step, change nothing.")] = False,  # noqa: FBT002 - a command's option
) -> None:
    """Set the gateway up as a service (systemd): a user of its own, a site file, a start with the machine. May be repeated."""
    zone = timezone or _zone_of_machine()
    if zone not in available_timezones():
        fail(f"the time zone {zone!r} is not known; name one as in --timezone Europe/Berlin, nothing was written", WRONG_USE)
    executable = Path(sysconfig.get_path("scripts")) / "shiftwatt"
    words = {"command": executable, "site": SITE, "state": STATE, "name": _checked(name), "timezone": zone}
    here = root == Path("/")
    if not dry_run:
        _require(here=here, executable=executable)
    for laid in FILES:
        _lay(laid, root, words, dry_run=dry_run)
    if here:
        for step in STEPS:
            _step(step, dry_run=dry_run)
    elif not dry_run:
        link = root / ENABLED.relative_to("/")
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to("../shiftwatt.service")
    print(_next(here=here, dry_run=dry_run))


def _zone_of_machine() -> str:
    """As /etc/localtime says it, the one place that every Linux keeps."""
    target = os.path.realpath("/etc/localtime")
    return target.partition("zoneinfo/")[2] or "UTC"


def _checked(name: str) -> str:
    try:
        return identifier(name)
    except ValueError as error:
        fail(f"the site's name {name!r} {error}; nothing was written", WRONG_USE)


def _require(*, here: bool, executable: Path) -> None:
    if not sys.platform.startswith("linux"):
        fail("a service is set up on Linux with systemd; here start `shiftwatt run --site site.toml` by hand", WRONG_USE)
    if not executable.exists():
        fail(f"{executable} is not there: install shiftwatt into this environment first (pip install), nothing was written")
    if here and os.geteuid() != ROOT_USER:
        fail(f"only root may set up a service: sudo {executable} install; --dry-run shows what it would do", WRONG_USE)
    if here and not Path("/run/systemd/system").is_dir():
        fail("this machine is not run by systemd; start `shiftwatt run --site site.toml` as your system starts its services")


def _lay(laid: Laid, root: Path, words: dict[str, object], *, dry_run: bool) -> None:
    target = root / laid.target.relative_to("/")
    if laid.is_kept and target.exists():
        print(f"kept     {target}")
        return
    text = Template((resources.files(service) / laid.source).read_text(encoding="utf-8")).substitute(words)
    print(f"{'would write' if dry_run else 'written '} {target}")
    if dry_run:
        print("".join(f"    {line}\n" for line in text.splitlines()))
        return
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        fail(f"{target} could not be written ({error.strerror}); mend that and repeat the command, it may be repeated")


def _step(step: tuple[str, ...], *, dry_run: bool) -> None:
    said = " ".join(step)
    if dry_run:
        print(f"would run {said}")
        return
    print(f"run      {said}", flush=True)
    path = shutil.which(step[0])
    done = subprocess.run([path, *step[1:]], capture_output=True, text=True, check=False) if path else None
    if done is None or done.returncode:
        why = f"{step[0]} is not there" if done is None else done.stderr.strip()
        fail(f"`{said}` failed: {why}. Mend that and repeat the command, it may be repeated")


def _next(*, here: bool, dry_run: bool) -> str:
    if dry_run:
        return "Nothing was changed."
    if not here:
        return "Nothing was started: the machine that starts from there makes the user and starts the gateway."
    return (
        "The gateway runs, and starts with the machine.\n"
        f"  its site file    {SITE}   (after a change: shiftwatt check, then systemctl restart shiftwatt)\n"
        "  what it says     journalctl -u shiftwatt -f   (there stands the code with which the first administrator signs in)\n"
        "  its page         http://<this machine>:8080/"
    )
