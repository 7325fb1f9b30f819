"""The words that stand for numbers in some registers. Made as register_map is; a meter reads them at its start only."""

CODES = {
    "front_end": ("none", "atm90e32", "pzem004t", "i2s_adc", "onchip_adc", "test_signal", "pulse_input"),
    "trust": ("measured", "indicative", "synthetic"),
    "clock_state": ("unset", "set", "synchronised"),
    "parity": ("none", "even", "odd"),
    "calibration_step": ("none", "no_load", "known_load_l1", "known_load_l2", "known_load_l3", "accept_l1", "accept_l2", "accept_l3"),
    "calibration_step_state": ("idle", "measuring", "done", "refused"),
    "record_state": ("recorded", "not_recorded", "unreadable"),
    "update_state": ("idle", "receiving", "checking", "checked", "installed", "trial", "refused", "installing"),
    "update_command": ("cancel", "begin", "check", "install", "confirm"),
}
