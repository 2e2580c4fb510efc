"""The security lab: lessons that run real cryptography, break it, and mend it.

A lesson is one file in `lessons/` (see docs/new-lesson.md). Nothing here knows the page, except `tab` and
`page`.
"""
