"""Benchmarks against the C program: whole processes, interleaved, and no speed-up without equal images."""
