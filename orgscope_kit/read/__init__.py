"""Frames of what was observed."""
