"""The MicroPython application of the ESP32 submeter: sample, register, frame."""

import gc

# Loading leaves garbage between what stays. Collected every so often, its room is used again and the free memory stays in
# one piece; on the chip that costs the start a quarter of a second. Elsewhere Python has no such threshold.
_LOADING_BYTES = 2_048
if hasattr(gc, "threshold"):
    gc.threshold(_LOADING_BYTES)
