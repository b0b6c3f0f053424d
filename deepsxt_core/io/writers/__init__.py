"""Volumes to files: one module per format, and the choice by the suffix."""
