"""The operating system: processes, files, clocks."""
