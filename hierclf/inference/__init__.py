"""Views of a scan and the trunk that reads them."""
