"""What the lab's tab shows, as HTML, and what it reacts to."""
