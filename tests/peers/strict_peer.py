#!/usr/bin/env python3
"""A node as strict as Zyre that a test talks to: commands on stdin, one JSON object a line on stdout.

Command line, commands and objects are those of docs/examples/peer.rs, as far as the tests need them:
see scripted.py. The node itself is in strict/. Besides, there are these objects:

    WARNING   text       somebody has broken the protocol, and Zyre would go on
    ERROR     text       Zyre would have aborted: the program ends at once, with status 134
"""
import os
import sys

sys.dont_write_bytecode = True   # nothing is written into the folder of the sources

import zmq

from scripted import SLICE, Scripted, about, command_line, tell
from strict.node import Abort, Node

ABORTED = 134                    # what a shell shows for SIGABRT


class Peer(Scripted):
    def __init__(self, options):
        super().__init__(options)
        times = {name: value / 1000 for name, value in vars(options).items()
                 if name in ("evasive", "expired", "interval") and value}
        self.node = Node(options.name, self.handle, **times)
        for header in options.header:
            name, value = header.split("=", 1)
            self.node.headers[name.encode()] = value.encode()

    def run(self):
        self.node.start(self.options.interface, self.options.port)
        for group in self.options.group:
            self.join(group)
        tell("START", **about(self.node.id, self.options.name), pid=os.getpid(),
             impl=f"strict peer on libzmq {zmq.zmq_version()}")
        poller = zmq.Poller()
        for source in (self.node.inbox, self.node.beacon.udp, 0):
            poller.register(source, zmq.POLLIN)
        while not self.ends:
            wait = 0 if self.bulk else self.node.reap_due() * 1000
            ready = dict(poller.poll(wait))
            if 0 in ready:
                self.read()
            elif not self.node.receive(SLICE) and not self.bulk:
                self.node.reap()
            self.send_slice()
        self.node.stop()
        tell("QUIT")

    def handle(self, kind, peer, **fields):
        name = text(peer.name) if peer else ""
        if kind == "ENTER":
            headers = {text(key): text(value) for key, value in fields["headers"].items()}
            self.entered(peer.id, name, headers, text(fields["endpoint"]))
        elif kind == "EXIT":
            self.exited(peer.id, name)
        elif kind in ("WHISPER", "SHOUT"):
            content = fields.pop("content")
            group = {key: text(value) for key, value in fields.items()}
            self.content(kind, peer.id, name, content, **group)
        else:
            fields = {key: text(value) for key, value in fields.items()}
            tell(kind, **(about(peer.id, name) if peer else {}), **fields)

    def join(self, group):
        self.node.join(group.encode())

    def leave(self, group):
        self.node.leave(group.encode())

    def shout(self, group, frames):
        self.node.shout(group.encode(), frames)

    def whisper(self, peer, frames):
        self.node.whisper(peer, frames)

    def do_die(self):
        os._exit(9)


def text(value):
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


if __name__ == "__main__":
    parser = command_line(__doc__)
    parser.set_defaults(port=5670)
    parser.add_argument("--interface", help="the first that can broadcast, if not named")
    for option in ("--interval", "--evasive", "--expired"):
        parser.add_argument(option, type=int, help="milliseconds")
    try:
        Peer(parser.parse_args()).run()
    except Abort as abort:
        tell("ERROR", text=f"Zyre would have aborted: {abort}")
        os._exit(ABORTED)
