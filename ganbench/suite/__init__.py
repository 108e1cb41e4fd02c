"""A suite: its language, the width of its variants, and the driver that does its runs."""
