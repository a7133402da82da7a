"""A node that behaves on real sockets as Zyre 2.0.1 does, and is as strict: see node.py.

It is written from what Zyre's sources do (zyre_node.c, zyre_peer.c, zyre_group.c, zre_msg.c, and
CZMQ's zbeacon.c), for the machines where no Zyre can be installed. Left out: gossip, CURVE, and taking
part in elections.
"""
