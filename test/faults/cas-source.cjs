// What casStore is given to ask a cas-server.cjs: one connection, made when it is needed; what waits on it when it is lost is
// rejected.
const { connect } = require('node:net');
const { createInterface } = require('node:readline');

module.exports = function casSource(port) {
  let socket;
  let ids = 0;
  let waiting = new Map();

  const open = () => {
    const fresh = connect(port, '127.0.0.1');
    const asked = (waiting = new Map());
    const lines = createInterface({ input: fresh });
    for (const one of [fresh, lines]) one.on('error', () => {});
    fresh.on('close', () => {
      if (socket === fresh) socket = undefined;
      for (const { reject } of asked.values()) reject(new Error('the connection was lost'));
    });
    lines.on('line', (line) => {
      let answer;
      try {
        answer = JSON.parse(line);
      } catch {
        // The end of what was cut.
        return;
      }
      const { resolve, reject } = asked.get(answer.id);
      asked.delete(answer.id);
      if (answer.error !== undefined) reject(new Error(answer.error));
      else resolve(answer);
    });
    return fresh;
  };
  const ask = (what, more) =>
    new Promise((resolve, reject) => {
      socket ??= open();
      const id = ids++;
      waiting.set(id, { resolve, reject });
      socket.write(`${JSON.stringify({ id, what, ...more })}\n`);
    });
  return {
    name: 'cas',
    read: async (key) => (await ask('read', { key })).is,
    compareAndSet: async (key, was = null, is = null) => (await ask('write', { key, was, is })).written,
    ping: async () => void (await ask('ping')),
    close: () => void socket?.destroy(),
    /** Not of the contract: how the server answers from now on. */
    become: (become) => ask('become', { become }),
  };
};
