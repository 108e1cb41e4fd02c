"""A suite: its language, the width of its variants, and the driver that does its runs."""

from typing import Literal

OnFailure = Literal["record", "retry", "stop"]  # what is done when a run does not end well
