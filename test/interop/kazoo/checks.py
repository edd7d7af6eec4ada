"""What the program here reports by: a line for each law that it checked, and wishes that the stage fulfils."""

import sys
import time
import traceback

PATIENCE_SECONDS = 20


def say(line):
    print(line, flush=True)


def law(name, body):
    try:
        body()
        say("ok " + name)
    except BaseException as error:
        traceback.print_exc()
        say("failed %s\t%s" % (name, repr(error)))


def equal(expected, actual, meaning):
    assert expected == actual, "%s: expected %r, got %r" % (meaning, expected, actual)


def eventually(meaning, claim):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if claim():
            return
        time.sleep(0.02)
    raise AssertionError("never came true: " + meaning)


def wish(what):
    say("please " + what)
    answer = sys.stdin.readline().strip()
    assert answer == "done", "the stage answered " + answer


def kill_leader():
    wish("kill-leader")


def restore():
    wish("restore")
