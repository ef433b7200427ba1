"""Sending and keeping: everything that knows the network, a secret or a token."""
