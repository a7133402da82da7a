"""Messages as Zyre reads and writes them, frame by frame.

Zyre does not look at a multipart as a whole. It takes a routing id and one more frame, and content
frames only after a WHISPER or a SHOUT; whatever is left of the multipart is taken for the next
message, from whatever peer its first frame names.
"""
import struct

HELLO, WHISPER, SHOUT, JOIN, LEAVE, PING, PING_OK, ELECT, LEADER, GOODBYE = range(1, 11)
NAMES = dict(enumerate("HELLO WHISPER SHOUT JOIN LEAVE PING PING-OK ELECT LEADER GOODBYE".split(), 1))
HEAD = struct.Struct(">HBBH")    # signature, id, version, sequence
SIGNATURE, VERSION = 0xAAA1, 2


class Malformed(Exception):
    """A message that Zyre reports and otherwise ignores."""


class Message:
    __slots__ = ("id", "sequence", "endpoint", "groups", "status", "name", "headers", "group", "content")

    def __init__(self, id, sequence=0, **fields):
        self.id, self.sequence = id, sequence
        for name, value in fields.items():
            setattr(self, name, value)


def read(frames):
    """Yields the routing id and the message, or what is wrong with it, of each message in a multipart."""
    at = 0
    while at < len(frames):
        if at + 1 == len(frames):
            yield frames[at], Malformed("a routing id and nothing after it")
            return
        routing_id, first = frames[at:at + 2]
        at += 2
        try:
            message = decode(first)
            if message.id in (WHISPER, SHOUT):
                message.content = frames[at:]
                at = len(frames)
            yield routing_id, message
        except Malformed as malformed:
            yield routing_id, malformed
        except (struct.error, IndexError):
            yield routing_id, Malformed("it is cut short")


def decode(frame):
    if len(frame) < 3:
        raise Malformed("it is cut short")
    if frame[0] << 8 | frame[1] != SIGNATURE:
        raise Malformed("invalid signature")
    if frame[2] not in NAMES:
        raise Malformed("bad message id")
    _, id, version, sequence = HEAD.unpack_from(frame)
    if version != VERSION:
        raise Malformed("version is invalid")
    message = Message(id, sequence)
    if id in (WHISPER, PING, PING_OK, GOODBYE):
        return message
    fields = Fields(frame, HEAD.size)
    if id == HELLO:
        message.endpoint = fields.string()
        message.groups = [fields.longstr() for _ in range(fields.number4())]
        message.status = fields.number1()
        message.name = fields.string()
        message.headers = {}
        for _ in range(fields.number4()):
            key, value = fields.string(), fields.longstr()
            message.headers.setdefault(key, value)      # a hash keeps the first of two
        return message
    message.group = fields.string()
    if id in (JOIN, LEAVE):
        message.status = fields.number1()
    elif id in (ELECT, LEADER):
        message.name = fields.string()
    return message


class Fields:
    def __init__(self, frame, at):
        self.frame, self.at = frame, at

    def number1(self):
        value = self.frame[self.at]
        self.at += 1
        return value

    def number4(self):
        value, = struct.unpack_from(">I", self.frame, self.at)
        self.at += 4
        return value

    def octets(self, length):
        if self.at + length > len(self.frame):
            raise Malformed("a string is cut short")
        self.at += length
        return self.frame[self.at - length:self.at].split(b"\0")[0]   # C strings end at NUL

    def string(self):
        return self.octets(self.number1())

    def longstr(self):
        return self.octets(self.number4())


def encode(message):
    """The first frame of a message."""
    head = HEAD.pack(SIGNATURE, message.id, VERSION, message.sequence)
    if message.id == HELLO:
        headers = message.headers.items()
        return b"".join([
            head, string(message.endpoint),
            number4(len(message.groups)), *map(longstr, message.groups),
            bytes([message.status]), string(message.name),
            number4(len(headers)), *(string(key) + longstr(value) for key, value in headers)])
    if message.id == SHOUT:
        return head + string(message.group)
    if message.id in (JOIN, LEAVE):
        return head + string(message.group) + bytes([message.status])
    return head


def number4(value):
    return struct.pack(">I", value)


def string(octets):
    return bytes([len(octets) & 255]) + octets      # Zyre does not look whether it fits, either


def longstr(octets):
    return number4(len(octets)) + octets
