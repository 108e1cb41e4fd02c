"""Records to data frames."""
