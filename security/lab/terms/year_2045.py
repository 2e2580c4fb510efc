"""Words of the exercise of 2045."""

from __future__ import annotations

TERMS = {
    "hard fork": "Going on from an agreed state under other rules; who doesn't agree stays behind.",
    "segmentation": "Splitting a network into parts with gates between, so that a way in is no way through.",
    "table-top exercise": "A crisis played at a table: roles, events, decisions, and a talk afterwards.",
    "worm": "A program that copies itself from machine to machine without anybody's help.",
}
