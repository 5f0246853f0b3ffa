"""How the data of the package were trained: the tiny SAM 2 of the demo and the judge of borders.

The folder has to be a package: sam2 installs one of the same name, which hides a folder without
this file. It is no part of the wheel.
"""
