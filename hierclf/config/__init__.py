"""Options of the commands: those of the folders below, put together."""
