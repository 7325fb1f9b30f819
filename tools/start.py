"""Sets everything up and starts it: `python3 tools/start.py demo` or `python3 tools/start.py test`.

Runs on any Python 3 with the standard library only, so that it can say what is missing. It finds a
Python that is new enough, makes a virtual environment in .venv, installs what constraints.txt pins,
and runs. A second call starts at once. No root is needed.
"""

import hashlib
import os
import shutil
import subprocess
import sys

NEEDED = (3, 11)
TESTED = ((3, 13), (3, 12), (3, 11))
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ENVIRONMENT = os.path.join(ROOT, ".venv")
EXTRAS = {"demo": "demo", "test": "test"}


def main(words):
    if not words or words[0] not in EXTRAS:
        print("usage: python3 tools/start.py demo [options of the demo] | test [options of pytest]", file=sys.stderr)
        return 2
    python = environment(EXTRAS[words[0]])
    if words[0] == "demo":
        return run([python, "-m", "tools.command", "demo", *words[1:]])
    return run([python, os.path.join(ROOT, "tools", "checks.py"), *words[1:]])


def environment(extra):
    """The environment's Python, with the extra installed; installs only when something changed."""
    python = os.path.join(ENVIRONMENT, "bin", "python")
    mark = os.path.join(ENVIRONMENT, ".installed-" + extra)
    wanted = fingerprint()
    if os.path.exists(mark) and open(mark).read() == wanted:
        return python
    if not os.path.exists(python):
        make(new_enough())
    print("Installing what constraints.txt pins (about half a minute the first time) ...", file=sys.stderr, flush=True)
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c", os.path.join(ROOT, "constraints.txt")]
    if run([*install, "-e", ROOT + "[" + extra + "]"]):
        stop("Installing failed; the lines above say why. Is the network reachable? Run the same command again to go on.")
    with open(mark, "w") as file:
        file.write(wanted)
    return python


def new_enough():
    if sys.version_info[:2] >= NEEDED:
        return sys.executable
    for major, minor in TESTED:
        found = shutil.which("python%d.%d" % (major, minor))
        if found:
            return found
    here = sys.version.split()[0]
    return stop("Shiftwatt needs Python %d.%d or newer; this is %s. On Debian or Ubuntu: sudo apt install python3" % (*NEEDED, here))


def make(python):
    if subprocess.call([python, "-c", "import ensurepip, venv"], stderr=subprocess.DEVNULL):
        stop("Python has no venv here. On Debian, Ubuntu or Raspberry Pi OS: sudo apt install python3-venv")
    if run([python, "-m", "venv", ENVIRONMENT]):
        shutil.rmtree(ENVIRONMENT, ignore_errors=True)
        stop("The virtual environment could not be made in " + ENVIRONMENT + "; the lines above say why.")


def fingerprint():
    """Of what decides what is installed."""
    digest = hashlib.sha256()
    for name in ("pyproject.toml", "constraints.txt"):
        with open(os.path.join(ROOT, name), "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def run(words):
    try:
        return subprocess.call(words, cwd=ROOT)
    except KeyboardInterrupt:
        return 130


def stop(sentence):
    print(sentence, file=sys.stderr)
    sys.exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
