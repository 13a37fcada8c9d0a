"""PDF."""


def write(*a): ...
