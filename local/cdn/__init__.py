"""A stand-in for CloudFront in front of the images: `python -m local.cdn --port PORT --endpoint-url URL`.

The emulator's CloudFront has no cache, no signed URLs and no origin groups. This edge reads the same distribution from
the emulator and does what it says: it checks signatures, runs the distribution's function in Node, caches, and asks the
second origin if the first has no file.
"""
