"""The studio as a service for many users: what they have, what runs for them, and what they may start.

Each part names the user it acts for in every method. What takes long is a job: the same command that a
shell runs, in a process of its own. No Gradio in here.
"""
