"""Which blocks of the data partition hold what; a block keeps its place for ever, or counters are lost. Nothing else lives here."""

PARTITION = "shiftwatt"
STARTS, STARTS_BLOCKS = 0, 4  # how often the meter started, and why
SETTINGS = (4, 5)  # twice
CALIBRATION = (6, 7)  # twice
CALIBRATION_LOG = (8, 9)  # the newer one grows, the older one is kept
NETWORK = (14, 15)  # which wireless network, twice
JOURNAL = 16  # room for the large ring of 160 blocks
PROFILE = 176  # 64 blocks
BLOCKS = 256  # 1 MiB
