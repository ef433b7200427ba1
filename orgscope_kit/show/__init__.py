"""Figures and reports; drawing never computes."""
