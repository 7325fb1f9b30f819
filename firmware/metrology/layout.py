"""Where things stand in the two arrays that samplers and kernels share, and what the 32-bit sums can hold.

Only numbers live here. The kernels repeat them as constants of their own: viper folds constants only within a file.
Every entry is kept non-negative and below 2**30: a word then reads the same on a board (31-bit small integers)
and on a PC (viper's 64-bit integers load 32-bit words without their sign).
"""

# The array of one phase: where to read, then the sums since the window began.
FIRST = 0  # halfword of the voltage sample of the first frame; its current follows at once
STRIDE = 1  # halfwords from frame to frame
FRAMES = 2  # how many frames to add
DELAY = 3  # halfwords back to the voltage sample that is a quarter of a cycle older
RAIL_LOW = 4  # a sample at or beyond a rail is clipped; in offset binary
RAIL_HIGH = 5
CLIPPED = 6
TAKEN = 7  # frames in the sums
V = 8  # of samples in offset binary
I = 9  # noqa: E741 - the letter of electric current
VV_HIGH = 10  # products are split: bits 15 and up, made non-negative, and the low 15 bits
VV_LOW = 11
II_HIGH = 12
II_LOW = 13
VI_HIGH = 14
VI_LOW = 15
SHIFTED_HIGH = 16
SHIFTED_LOW = 17
PHASE_LENGTH = 18

# The array of the search for the next rising zero crossing; its first three entries are those of a phase.
LEVEL = 3  # in offset binary
ARM_BELOW = 4  # the level less the hysteresis
ARMED = 5
SEARCH_LENGTH = 6

OFFSET = 32768  # added to a sample (offset binary) and to the high part of a product
SPLIT_BITS = 15
# 65536 * 16383 < 2**30: more frames would take a sum out of the small integers.
FRAMES_MAX = 16383
