"""Grades of cytotoxicity: viability of wells with an interval, as a second opinion to a person's."""
