"""What the analyst holds: investigation and run, panel, commands."""
