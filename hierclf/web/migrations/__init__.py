"""Changes of the tables, one after the other; run by `hierclf.web.database`."""
