"""Benchmarks and long proofs: each prints its figures and the bound they are held against."""
