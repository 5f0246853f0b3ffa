"""The tests, a package so that they can import shared modules: `from tests.scans import blobs`."""
