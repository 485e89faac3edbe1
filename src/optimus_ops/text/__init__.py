"""What people read: console, tables, units."""
