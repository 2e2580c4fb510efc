"""A job's process before it is the job's command: it waits for the word of the app, then becomes the command.

So the app can write down which process is the job's before anything of the job happens. If the app ends in
between, no word comes and nothing was begun. Run as a script, by itself: nothing of ours is imported.
"""

import os
import sys

GO = b"g"
BEGUN = "begun"
NO_WORD = 75
KEY_VARIABLE = "ASKLEPION_KEY_FD"
NICENESS = 10
_KILLED_FIRST = "500"


def main(folder: str, cwd: str, *command: str) -> int:
    """Wait, then become `command`; returns only if that can't be."""
    # A socket of the app must not stay open in here: the app's next start needs its port.
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    if os.read(0, 1) != GO:
        return NO_WORD
    _hand_on()
    os.close(os.open(f"{folder}/{BEGUN}", os.O_WRONLY | os.O_CREAT, 0o600))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.umask(0o077)
    os.nice(NICENESS)
    _give_way()
    try:
        # When memory runs out, the job goes and the app stays.
        with open("/proc/self/oom_score_adj", "w") as score:  # noqa: PTH123
            score.write(_KILLED_FIRST)
    except OSError:
        print("note: the memory of this job can't be given up first", file=sys.stderr)
    try:
        os.chdir(cwd)
        os.execvp(command[0], command)  # noqa: S606
    except OSError as error:
        print(f"The command can't be started: {error}.", file=sys.stderr)
    return 127


def _hand_on() -> None:
    """Let the command read what came behind the word, a key, from a descriptor of its own: it is in no file,
    no argument and no variable. Nothing is handed on where nothing came.
    """
    handed = b""
    while piece := os.read(0, 4096):
        handed += piece
    if not handed:
        return
    reading, writing = os.pipe()
    os.write(writing, handed)  # far less than a pipe takes at once
    os.close(writing)
    os.set_inheritable(reading, True)
    os.environ[KEY_VARIABLE] = str(reading)


def _give_way() -> None:
    """Where Linux groups processes by session, niceness counts within one only, and a job has its own."""
    try:
        with open("/proc/self/autogroup", "w") as group:  # noqa: PTH123
            group.write(str(NICENESS))
    except OSError:
        return  # not grouped so here, and the niceness is enough


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
