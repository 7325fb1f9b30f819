"""Tests of the metrology; those of the kernels also run on the MicroPython interpreter."""
