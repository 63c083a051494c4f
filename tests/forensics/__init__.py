"""Tests of verify and replay."""
