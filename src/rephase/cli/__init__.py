"""Thin commands: parse, one library call, write."""
