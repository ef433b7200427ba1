"""What each command does; each returns its exit status. Imported when it is called, so that ``--help`` stays fast."""
