"""What a ladder of cut points is worth where stages have an order."""
