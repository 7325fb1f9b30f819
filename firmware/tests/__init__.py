"""Tests of the firmware on this machine: real code, with small stand-ins for hardware and time."""
