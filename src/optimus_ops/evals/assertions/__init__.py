"""What answers can be asserted to be, a file each kind; `catalogue` has them by name."""
