"""Parts of the Dataset page."""
