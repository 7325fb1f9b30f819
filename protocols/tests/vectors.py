"""Frames published by meter makers and projects, and some of our own, as they stand on the wire.

Sources: Eastron SDM120 protocol document (m1 to m3, n1 to n3), mbmd issue 63 (m5, m6), SDM320Y manual
(m8), SolarNetwork wiki (m9, m10), SDM_Energy_Meter issue 31 (m11), ABB M4M manual (m12), pymodbus
issue 2592 (m15). m16 to m23 were computed.
"""

READS = {
    "m1": ("01 04 00 00 00 02 71 CB", (1, 4, 0x0000, 2)),
    "m5": ("01 04 00 08 00 02 F0 09", (1, 4, 0x0008, 2)),
    "m6": ("01 03 4A 38 00 02 53 DE", (1, 3, 19000, 2)),
    "m8": ("01 04 01 56 00 02 90 27", (1, 4, 0x0156, 2)),
    "m12": ("01 03 5B 02 00 02 76 EF", (1, 3, 0x5B02, 2)),
    "m15": ("7E 03 00 00 00 01 8F C5", (0x7E, 3, 0, 1)),
    "m18": ("01 03 9C 40 00 02 EB 8F", (1, 3, 40000, 2)),
    "m19": ("01 03 C3 50 00 04 78 5C", (1, 3, 0xC350, 4)),
    "m20": ("01 03 89 60 00 06 EF 8A", (1, 3, 0x8960, 6)),
    "m21": ("01 04 00 0B 00 01 40 08", (1, 4, 0x000B, 1)),
    "m22": ("01 03 00 31 00 14 14 0A", (1, 3, 49, 20)),
    "m23": ("01 03 FC 02 00 01 15 9A", (1, 3, 0xFC02, 1)),
}
OTHERS = {
    "m2": "01 04 04 43 66 33 34 1B 38",
    "m3": "01 03 04 3F 80 00 00 F7 CF",
    "m9": "01 10 00 1C 00 02 04 40 00 00 00 E7 36",
    "m10": "01 10 00 1C 00 02 80 0E",
    "m11": "01 08 00 00 AA 55 5E 94",
    "m16": "01 83 02 C0 F1",
    "m17": "01 2B 0E 01 00 70 77",
}
# Published with a wrong check sum; the right one beside it.
WRONG = {
    "n1": ("01 10 00 14 00 02 04 42 70 00 00 67 D5", "E6 F3"),
    "n2": ("01 10 00 14 00 02 E0 08", "01 CC"),
    "n3": ("01 03 00 00 00 14 C4 0B", "45 C5"),
}


def octets(text: str) -> bytes:
    return bytes.fromhex(text)


GOOD = {name: octets(text) for name, text in OTHERS.items()} | {name: octets(text) for name, (text, _) in READS.items()}
BAD = {name: octets(text) for name, (text, _) in WRONG.items()}
