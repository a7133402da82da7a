#!/usr/bin/env node
// A zyre.js node that a test talks to: commands on stdin, one JSON object a line on stdout.
//
// Command line, commands and objects are those of docs/examples/peer.rs, as far as the tests need
// them. zyre.js carries one frame of content only, and has no name for evasive peers. Run it with
// NODE_PATH naming the folder of packages in .peers/.
'use strict';
const Zyre = require('zyre.js');

const SLICE = 100; // messages sent before events are looked at again
const now = () => process.hrtime.bigint();
const tell = (event, fields) => {
  const plain = (_, value) => (typeof value === 'bigint' ? Number(value) : value);
  process.stdout.write(`${JSON.stringify({ event, ...fields, t: now() }, plain)}\n`);
};

function parse(words) {
  const options = { group: [], header: [] };
  while (words.length) {
    const option = words.shift().replace(/^--/, '');
    if (option === 'count' || option === 'echo') options[option] = true;
    else if (Array.isArray(options[option])) options[option].push(words.shift());
    else options[option] = words.shift();
  }
  return options;
}

class Tally {
  constructor() {
    Object.assign(this, { msgs: 0, bytes: 0, gaps: 0, first_t: 0n, last_t: 0n });
  }

  // Counts one message, and returns the number that must follow it.
  add(content, due) {
    this.last_t = now();
    this.first_t = this.first_t || this.last_t;
    this.msgs += 1;
    this.bytes += content.length;
    if (content.length < 16) return due;
    const number = content.readBigUInt64LE(8);
    if (number !== 0n && number !== due) this.gaps += 1;
    return number + 1n;
  }
}

const options = parse(process.argv.slice(2));
const peers = new Map(); // of each id: its name
const due = new Map(); // the number that is due; kept, for who is greeted again goes on counting
let tally = new Tally();
const node = Zyre.new({
  name: options.name,
  headers: Object.fromEntries(options.header.map((header) => header.split(/=(.*)/s, 2))),
  ...(options.interface && { iface: options.interface }),
  ...(options.port && { bport: Number(options.port) }),
});
node.setEncoding('raw');

function summary() {
  tell('COUNTED', { ...tally, secs: Number(tally.last_t - tally.first_t) / 1e9 });
  tally = new Tally();
}

function content(kind, id, name, octets, group) {
  if (options.count) {
    due.set(id, tally.add(octets, due.get(id) || 0n));
    if (tally.msgs === Number(options.expect)) summary();
  } else {
    const text = octets.toString();
    tell(kind, { peer: id.toUpperCase(), name, group, frames: 1, len: octets.length, text });
  }
  if (options.echo && kind === 'WHISPER') node.whisper(id, octets);
}

function find(name) {
  const found = [...peers].find(([id, its]) => name === its || name === id.toUpperCase());
  if (!found) tell('ERROR', { text: `no such peer: ${name}` });
  return found && found[0];
}

function bulk(to, count, size, rate) {
  const start = now();
  let number = 0;
  const step = () => {
    const allowed = rate ? Math.floor((Number(now() - start) / 1e9) * rate) : count;
    for (let left = SLICE; left > 0 && number < Math.min(count, allowed); left -= 1, number += 1) {
      const octets = Buffer.alloc(size, 'x');
      if (size >= 16) {
        octets.writeBigUInt64LE(now(), 0);
        octets.writeBigUInt64LE(BigInt(number), 8);
      }
      to(octets);
    }
    if (number < count) setTimeout(step, 0);
    else tell('SENT', { msgs: count, size, secs: Number(now() - start) / 1e9 });
  };
  step();
}

async function quit() {
  const bye = () => process.stdout.write('', () => process.exit(0));
  setTimeout(bye, 2000); // a node with connections that do not close never stops
  await node.stop();
  tell('QUIT', {});
  bye();
}

const commands = {
  join: (group) => node.join(group),
  leave: (group) => node.leave(group),
  shout: (group, ...words) => node.shout(group, Buffer.from(words.join(' '))),
  whisper: (name, ...words) => {
    const id = find(name);
    if (id) node.whisper(id, Buffer.from(words.join(' ')));
  },
  'bench-shout': (group, ...numbers) => bulk((octets) => node.shout(group, octets), ...numbers.map(Number)),
  'bench-whisper': (name, ...numbers) => {
    const id = find(name);
    if (id) bulk((octets) => node.whisper(id, octets), ...numbers.map(Number));
  },
  summary,
  peers: () => {
    peers.forEach((name, id) => tell('PEER', { peer: id.toUpperCase(), name }));
    tell('PEERS', { n: peers.size });
  },
  stop: quit,
  quit,
};

// zyre.js says "join" for the groups of a HELLO before it says "connect".
const about = (id, name) => ({ peer: id.toUpperCase(), name });
node.on('connect', (id, name, headers) => {
  peers.set(id, name);
  tell('ENTER', { ...about(id, name), headers });
});
node.on('disconnect', (id, name) => {
  peers.delete(id);
  tell('EXIT', about(id, name));
});
node.on('join', (id, name, group) => tell('JOIN', { ...about(id, name), group }));
node.on('leave', (id, name, group) => tell('LEAVE', { ...about(id, name), group }));
node.on('whisper', (id, name, octets) => content('WHISPER', id, name, octets));
node.on('shout', (id, name, octets, group) => content('SHOUT', id, name, octets, group));

node.start().then(() => {
  options.group.forEach((group) => node.join(group));
  const impl = `zyre.js ${require('zyre.js/package.json').version}`;
  tell('START', { ...about(node.getIdentity(), options.name), pid: process.pid, impl });
  require('readline')
    .createInterface({ input: process.stdin })
    .on('line', (line) => {
      const [verb, ...words] = line.split(' ');
      if (commands[verb]) commands[verb](...words);
      else tell('ERROR', { text: `no such command: ${verb}` });
    })
    .on('close', quit);
});
