"""Measurements. Each prints its numbers and the values that they are compared with."""
