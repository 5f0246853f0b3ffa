"""Training of the package's weights: the tiny SAM 2 of the demo and the judge of borders.

The folder has to be a package, because sam2 installs one of the same name, which would hide a
folder without this file. It is not part of the wheel.
"""
