"""The walk along a SunSpec chain over maps that begin, go on and end as devices in the field do."""

import pytest

from protocols.sunspec import MARKER, Model, Walk, meter_model


def walked(image: dict[int, int], reads_max: int = 100) -> tuple[Model, ...]:
    """Of a device that has these registers and refuses all others."""
    walk = Walk()
    for _ in range(reads_max):
        request = walk.request
        if request is None:
            return walk.models
        places = range(request.address, request.address + request.count)
        if all(place in image for place in places):
            walk.answered([image[place] for place in places])
        else:
            walk.refused()
    raise AssertionError("the walk does not end")


def chain(base: int, *models: tuple[int, int], end: tuple[int, ...] = (0xFFFF, 0)) -> dict[int, int]:
    words = list(MARKER)
    for number, length in models:
        words += [number, length, *[0] * length]
    return dict(enumerate((*words, *end), base))


@pytest.mark.parametrize("base", [0, 40_000, 50_000])
@pytest.mark.parametrize("common", [65, 66])
@pytest.mark.parametrize("end", [(0xFFFF, 0), (0, 0), ()], ids=["by the book", "zeros", "an exception"])
def test_the_meter_is_found_wherever_it_lies(base: int, common: int, end: tuple[int, ...]) -> None:
    """At each base, behind either common model, whatever ends the chain."""
    models = walked(chain(base, (1, common), (203, 105), end=end))

    assert meter_model(models) == Model(203, base + 2 + 2 + common, 105)


def test_a_device_without_a_map_has_no_models() -> None:
    """Whether it refuses or has other things there."""
    assert walked({}) == walked(dict.fromkeys(range(39_990, 50_010), 7)) == ()


def test_a_meter_comes_before_the_inverter() -> None:
    """A device with both is asked for the meter."""
    found = meter_model(walked(chain(40_000, (1, 66), (103, 50), (120, 26), (213, 124))))

    assert found is not None
    assert found.number == 213


def test_a_chain_that_never_ends_is_left() -> None:
    """More models than any device has are a device that goes round in a circle."""
    assert len(walked(chain(0, *[(1, 2)] * 200))) == 40
