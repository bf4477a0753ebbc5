"""Everything the dashboard shows and the command line does, without a screen."""
