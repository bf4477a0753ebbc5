"""The views of the Dataset page, and what they share."""
