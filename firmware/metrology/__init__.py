"""From samples to volts, watts and integer energy. Knows no pin, port or clock: hardware stays in `front_ends`."""
