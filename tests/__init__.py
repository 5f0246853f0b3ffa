"""The tests are a package, so that they import what they share: `from tests.scans import blobs`."""
