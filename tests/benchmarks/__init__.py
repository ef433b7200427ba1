"""How fast, how true, how small: `python -m tests.benchmarks`. It measures, and asserts nothing."""
