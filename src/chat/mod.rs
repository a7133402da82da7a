//! The chat as a state machine: lines and events in, screen lines and actions out. No sockets, no clock.
