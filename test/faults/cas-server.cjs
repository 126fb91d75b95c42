// A store that can only compare and set, as a process: on the port of its argument it answers each line with a line. What it
// answers to writes may be changed: `{ become }`.
const { createServer } = require('node:net');
const { createInterface } = require('node:readline');

const kept = new Map();
let as = 'usual';

const ANSWERS = {
  ping: () => ({}),
  become({ become }) {
    as = become;
    return {};
  },
  read: ({ key }) => ({ is: as === 'strange' ? 42 : kept.get(key) }),
  write({ key, was, is }) {
    if (as === 'read-only') return { error: 'read-only' };
    if ((kept.get(key) ?? null) !== was) return { written: false };
    if (is === null) kept.delete(key);
    else kept.set(key, is);
    return { written: as === 'strange' ? 'perhaps' : true };
  },
};

createServer((socket) => {
  const lines = createInterface({ input: socket });
  for (const one of [socket, lines]) one.on('error', () => {});
  lines.on('line', (line) => {
    const { id, ...asked } = JSON.parse(line);
    socket.write(`${JSON.stringify({ id, ...ANSWERS[asked.what](asked) })}\n`);
  });
}).listen(Number(process.argv[2]), '127.0.0.1');
