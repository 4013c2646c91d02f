# Generated from _async/__init__.py by `make clients`. Do not edit.
"""One of the two clients. The sync one is generated from the async one, so that they cannot differ."""
