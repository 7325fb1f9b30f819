"""The submeter's registers as tables for the board. Made from protocols/meters/shiftwatt-submeter.toml by
`python -m tools.register_map`; what is changed here is lost. Runs on MicroPython.
"""

MAP_VERSION = 1
WORDS = 639
# By threes: first address, the one after the last, and which word of the image the first one is.
# fmt: off
BLOCKS = (
    0, 34, 0, 100, 215, 34, 300, 326, 149, 400, 404, 175, 450, 453, 179, 500, 521, 182, 600, 642, 203,
    660, 673, 245, 1092, 1215, 258, 2000, 2120, 381, 3000, 3023, 501, 3030, 3145, 524
)
# fmt: on
MEASURED_WORD = 34
MEASURED_WORDS = 115
FROZEN_WORD = 266
# All names, the measured values first. A board has no room for a table of them: a name's number is how many stand before it.
MEASURED = 45
NAMES = (
    " voltage_l1_n voltage_l2_n voltage_l3_n current_l1 current_l2 current_l3 current_n active_power"
    " active_power_l1 active_power_l2 active_power_l3 reactive_power reactive_power_l1 reactive_power_l2"
    " reactive_power_l3 apparent_power apparent_power_l1 apparent_power_l2 apparent_power_l3 power_factor"
    " power_factor_l1 power_factor_l2 power_factor_l3 phase_angle_l1 phase_angle_l2 phase_angle_l3"
    " frequency temperature active_energy_import active_energy_import_l1 active_energy_import_l2"
    " active_energy_import_l3 active_energy_export active_energy_export_l1 active_energy_export_l2"
    " active_energy_export_l3 reactive_energy_import reactive_energy_import_l1 reactive_energy_import_l2"
    " reactive_energy_import_l3 reactive_energy_export reactive_energy_export_l1 reactive_energy_export_l2"
    " reactive_energy_export_l3 pieces maker map_version serial_number firmware_version hardware front_end"
    " trust marks phases coverage missing_ms clipped front_end_restarts counter_epoch journal_age_ms boots"
    " uptime_s watchdog_resets frames_lost crc_errors memory_free_bytes clock_state values_age_ms clock_ms"
    " latch latch_values_age_ms latch_age_ms latch_clock_ms key unlocked_s name unit_address baud_hundreds"
    " parity stop_bits restart calibration_version calibration_changes calibration_person creep_ma"
    " voltage_l1_gain_nano voltage_l1_offset_millicounts voltage_l1_phase_cdeg current_l1_gain_nano"
    " current_l1_offset_millicounts current_l1_phase_cdeg voltage_l2_gain_nano"
    " voltage_l2_offset_millicounts voltage_l2_phase_cdeg current_l2_gain_nano"
    " current_l2_offset_millicounts current_l2_phase_cdeg voltage_l3_gain_nano"
    " voltage_l3_offset_millicounts voltage_l3_phase_cdeg current_l3_gain_nano"
    " current_l3_offset_millicounts current_l3_phase_cdeg known_voltage_mv known_current_ma"
    " known_active_power_mw known_reactive_power_mvar accepted_error calibration_step"
    " calibration_step_state calibration_step_error profile_interval_s profile_oldest profile_newest"
    " profile_select profile_first profile_count profile_data update_state update_reason"
    " update_received_bytes update_size_bytes update_digest update_command update_offset_bytes"
    " update_length_bytes update_data "
)
# Where each lies, in the same order: word of the image, in the bits from 10 on the format (an index into FORMATS: struct's
# letters, t text, b bytes), in those from 13 on the thousandths in one raw step of a measured value, the words of all else.
FORMATS = "HhIiQtb"
FORMAT_BIT = 10
EXTRA_BIT = 13
# fmt: off
PLACES = (
    10274, 10276, 10278, 10280, 10282, 10284, 10286, 85040, 85042, 85044, 85046, 85048, 85050, 85052,
    85054, 84032, 84034, 84036, 84038, 9288, 9289, 9290, 9291, 83020, 83021, 83022, 8271, 820304, 12369,
    12373, 12377, 12381, 12385, 12389, 12393, 12397, 12401, 12405, 12409, 12413, 12417, 12421, 12425,
    12429, 8196241, 46080, 8197, 70662, 70670, 70678, 8222, 8223, 8224, 8225, 8341, 18582, 18584, 18586,
    18588, 18590, 18592, 18594, 18596, 18598, 18600, 18602, 8364, 18605, 37039, 8450, 8451, 18692,
    37126, 18611, 8373, 136374, 8390, 8391, 8392, 8393, 8394, 8395, 18636, 70862, 8406, 18647, 18649,
    9435, 18652, 18654, 9440, 18657, 18659, 9445, 18662, 18664, 9450, 18667, 18669, 9455, 18672, 18674,
    9460, 18677, 18679, 19705, 19707, 8445, 8446, 8447, 19712, 8573, 18814, 18816, 18818, 18820, 8582,
    907655, 8693, 8694, 18935, 18937, 137723, 8715, 18956, 8718, 924175
)
# fmt: on
# By their numbers, as bytes: what can be written; and of those what is taken from a broadcast, too, what stands behind the key,
# and least and most where not all that the format holds is meant.
# fmt: off
WRITABLE = (
    b"\x44\x45\x49\x4b\x4c\x4d\x4e\x4f\x50\x53\x54\x55\x56\x57\x58\x59\x5a\x5b\x5c\x5d\x5e\x5f\x60\x61"
    b"\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x72\x79\x7a\x7b\x7c\x7d\x7e"
)
# fmt: on
TO_ALL = b"\x44\x45"
# fmt: off
BEHIND_KEY = (
    b"\x4b\x4c\x4d\x4e\x4f\x50\x53\x54\x55\x56\x57\x58\x59\x5a\x5b\x5c\x5d\x5e\x5f\x60\x61\x62\x63\x64"
    b"\x65\x66\x67\x68\x69\x6a\x6b\x6c"
)
# fmt: on
LIMITS = {
    68: (1577836800000, 4102444799999),
    76: (1, 247),
    78: (0, 2),
    79: (1, 2),
    80: (1, 1),
    84: (0, 10000),
    85: (1, 4000000000),
    86: (0, 500000),
    87: (-1000, 1000),
    88: (1, 4000000000),
    89: (0, 500000),
    90: (-1000, 1000),
    91: (1, 4000000000),
    92: (0, 500000),
    93: (-1000, 1000),
    94: (1, 4000000000),
    95: (0, 500000),
    96: (-1000, 1000),
    97: (1, 4000000000),
    98: (0, 500000),
    99: (-1000, 1000),
    100: (1, 4000000000),
    101: (0, 500000),
    102: (-1000, 1000),
    108: (0, 7),
    121: (1, 4294967294),
    123: (0, 4),
    125: (1, 224),
}
CHOICES = {
    "baud_hundreds": (12, 24, 48, 96, 192, 384, 576, 1152),
}
# One record of the load profile, in struct's format; what stands where says the meter file.
PROFILE_RECORD = ">IIHHQQQQ"
