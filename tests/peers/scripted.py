"""What the scripted peers in Python share: command line, commands on stdin, one JSON object a line on
stdout, and the counting of bulk messages.

Command line, commands and objects are those of docs/examples/peer.rs, as far as the tests need them.
Everything happens on one thread: a bulk send goes on between two looks at what has arrived. A peer is
known by the 16 octets of its id. What a library does is left to the class that derives from `Scripted`.
"""
import argparse
import json
import os
import struct
import time

NUMBERED = struct.Struct("<QQ")  # the time of sending, and the number
SLICE = 100                      # messages sent or received between two looks at everything else


def tell(event, **fields):
    line = {"event": event, **fields, "t": time.monotonic_ns()}
    os.write(1, (json.dumps(line, ensure_ascii=False) + "\n").encode())


class Tally:
    """What was received of a bulk send."""

    def __init__(self):
        self.messages = self.octets = self.gaps = self.first = self.last = 0

    def add(self, content, due):
        """Counts one message, and returns the number that must follow it."""
        self.last = time.monotonic_ns()
        self.first = self.first or self.last
        self.messages += 1
        self.octets += len(content)
        if len(content) < NUMBERED.size:
            return due
        number = NUMBERED.unpack_from(content)[1]
        self.gaps += number not in (0, due)
        return number + 1

    def tell(self):
        tell("COUNTED", msgs=self.messages, bytes=self.octets, gaps=self.gaps,
             secs=(self.last - self.first) / 1e9, first_t=self.first, last_t=self.last)


class Scripted:
    """Commands in, objects out. The deriving class has the methods `join`, `leave`, `shout(group,
    frames)` and `whisper(peer, frames)`, and tells of what arrives by `entered`, `exited` and
    `content`."""

    def __init__(self, options):
        self.options = options
        self.names = {}          # of each peer, by its id
        self.due = {}            # the number that is due from each peer
        self.tally = Tally()
        self.bulk = None         # a generator that sends a slice at each step
        self.ends = False
        self.rest = b""          # of stdin: a line without its end

    # What the library tells.

    def entered(self, peer, name, headers, address):
        self.names[peer] = name
        self.due.setdefault(peer, 0)     # who is greeted again goes on counting
        tell("ENTER", **about(peer, name), headers=headers, addr=address)

    def exited(self, peer, name):
        self.names.pop(peer, None)
        tell("EXIT", **about(peer, name))

    def content(self, kind, peer, name, frames, **group):
        if self.options.count:
            self.due[peer] = self.tally.add(b"".join(frames), self.due.get(peer, 0))
            if self.tally.messages == self.options.expect:
                self.do_summary()
        else:
            tell(kind, **about(peer, name), **group, frames=len(frames), len=sum(map(len, frames)),
                 text=frames[0].decode("utf-8", "replace") if frames else "")
        if self.options.echo and kind == "WHISPER":
            self.whisper(peer, frames)

    # What stdin asks for.

    def read(self):
        read = os.read(0, 65536)
        *lines, self.rest = (self.rest + read).split(b"\n")
        for line in lines:
            verb, *words = line.decode().split(" ")
            getattr(self, "do_" + verb.replace("-", "_"))(*words)
        self.ends = self.ends or not read

    def send_slice(self):
        if self.bulk and next(self.bulk, "done") == "done":
            self.bulk = None

    def find(self, name):
        """The last that has entered under this name: the one before may be dead."""
        for peer, its in reversed(self.names.items()):
            if name in (its, peer.hex().upper()):
                return peer
        tell("ERROR", text="no such peer: " + name)
        return None

    def do_join(self, group):
        self.join(group)

    def do_leave(self, group):
        self.leave(group)

    def do_shout(self, group, *words):
        self.shout(group, [" ".join(words).encode()])

    def do_whisper(self, name, *words):
        if peer := self.find(name):
            self.whisper(peer, [" ".join(words).encode()])

    def do_frames(self, name, *frames):
        """One whisper of several frames."""
        if peer := self.find(name):
            self.whisper(peer, [frame.encode() for frame in frames])

    def do_bench_shout(self, group, *numbers):
        self.bulk = self.send(lambda content: self.shout(group, [content]), *map(int, numbers))

    def do_bench_whisper(self, name, *numbers):
        if peer := self.find(name):
            self.bulk = self.send(lambda content: self.whisper(peer, [content]), *map(int, numbers))

    def send(self, to, count, size, rate=0):
        # Never faster than the rate, also after a while without a processor: nothing is made up for.
        start = due = time.monotonic_ns()
        pause = SLICE * 10**9 // rate if rate else 0
        number = 0
        while number < count:
            if time.monotonic_ns() < due:
                yield
                continue
            due = time.monotonic_ns() + pause
            for _ in range(min(SLICE, count - number)):
                head = NUMBERED.pack(time.monotonic_ns(), number) if size >= NUMBERED.size else b""
                to(head.ljust(size, b"x"))
                number += 1
            yield
        tell("SENT", msgs=count, size=size, secs=(time.monotonic_ns() - start) / 1e9)

    def do_summary(self):
        self.tally.tell()
        self.tally = Tally()

    def do_peers(self):
        for peer, name in self.names.items():
            tell("PEER", **about(peer, name))
        tell("PEERS", n=len(self.names))

    def do_pause(self, milliseconds):
        time.sleep(int(milliseconds) / 1000)

    def do_stop(self):
        self.ends = True

    def do_quit(self):
        self.ends = True


def about(peer, name):
    return {"peer": peer.hex().upper(), "name": name}


def command_line(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--name", required=True)
    parser.add_argument("--group", action="append", default=[])
    parser.add_argument("--header", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--port", type=int, help="of the beacon")
    parser.add_argument("--expect", type=int, help="tell the count after so many messages")
    parser.add_argument("--count", action="store_true", help="count content instead of showing it")
    parser.add_argument("--echo", action="store_true", help="whisper back what is whispered")
    return parser
