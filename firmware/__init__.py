"""The MicroPython application of the ESP32 submeter: sample, register, frame."""
