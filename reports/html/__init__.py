"""The report as a page, as a static site and on localhost."""
