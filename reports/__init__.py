"""Records to tables, figures and one page: pure functions of data frames."""
