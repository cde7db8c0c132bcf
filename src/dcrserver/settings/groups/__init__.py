"""The groups of the configuration, a file each: a group is a table of the file."""
