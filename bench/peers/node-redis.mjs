import { readFileSync } from 'node:fs';
import { createClient } from 'redis';

const SCRIPT = readFileSync(new URL('fixed_window.lua', import.meta.url), 'utf8');

export async function connect(port, options) {
  const client = createClient({ socket: { host: '127.0.0.1', port }, ...options });
  client.on('error', (error) => {
    throw error;
  });
  await client.connect();
  return client;
}

/** EVALSHA of one script; `options` are node-redis's own. */
export async function nodeRedis({ port, limit, windowMs }, options) {
  const client = await connect(port, options);
  const sha = await client.scriptLoad(SCRIPT);
  // node-redis takes strings only; they are made once, as a careful caller would.
  const args = [String(limit), String(windowMs)];
  return {
    check: (key) => client.evalSha(sha, { keys: [key], arguments: args }),
    admitted: (reply) => reply[0] === 1,
    close: async () => client.destroy(),
  };
}
