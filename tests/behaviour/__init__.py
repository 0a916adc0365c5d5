"""What must be the same on one server and on a cluster, as logins see it."""
