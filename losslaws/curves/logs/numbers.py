"""Whole numbers as people write them."""

import re

DOTTED = re.compile(r"\d{1,3}(?:\.\d{3})++")  # a number that may be a whole one with thousands apart
PLAIN_WHOLE = re.compile(r"\d{1,3}")


def thousands_apart(texts: list[str]) -> bool:
    """Whether points in whole numbers stand between thousands: in all that have one, while those without are below a thousand."""
    points = ["." in text for text in texts]
    return (
        any(points)
        and not all(points)
        and all((DOTTED if point else PLAIN_WHOLE).fullmatch(text) for text, point in zip(texts, points, strict=True))
    )
