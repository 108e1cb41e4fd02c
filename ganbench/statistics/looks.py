"""Levels for scores that are looked at several times while seeds are added."""

PLANNED = 3  # looks, unless the records say at which level each was


def levels(looks: int, error: float) -> tuple[float, ...]:
    """How many looks there may be -> the level of each test at each of them; together they are wrong in `error`."""
    return (error / looks,) * looks
