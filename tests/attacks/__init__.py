"""Attacks that an audit tried, each run as the role that would run it: all of them must fail."""
