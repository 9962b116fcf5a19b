"""How stages stand: what they read and write now, and why one must run."""
