"""What to ask of an org, and what the answers say: pure, without pandas, network or clock."""
