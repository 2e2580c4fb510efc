"""Words of the glossary that a lesson brings along: each module has a `TERMS`."""
