"""Tests of the front ends against small stand-ins for their hardware."""
