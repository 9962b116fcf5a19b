"""What a notebook reads and writes, heard while it runs."""
