// The migration guide, followed to the letter on an app that counts in memory: what its users see stays the same, and
// two servers together admit what one did.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { quietly, root } from './addon.mjs';

const guide = readFileSync(join(root, 'docs/migrating.md'), 'utf8');

/** The block of commands that the guide gives for the imports and calls. */
function commandsOfGuide() {
  const block = /<!-- run by the tests -->\n+```sh\n([\s\S]*?)```/.exec(guide);
  assert.ok(block, 'The guide has no block of commands.');
  return block[1];
}

/** The edits that the guide asks for by hand: what it shows has to be in it. */
const BY_HAND = [
  ['next.config.ts', 'export default config;', 'export default withSpillway(config);'],
  ['next.config.ts', /^/, "import { withSpillway } from 'spillway/next';\n"],
  ['middleware.ts', "matcher: '/api/contacts'", "matcher: '/api/contacts', runtime: 'nodejs'"],
];

function migrate(app) {
  quietly('sh', ['-euc', commandsOfGuide()], { cwd: app.folder });
  for (const [name, from, to] of BY_HAND) {
    const text = readFileSync(app.path(name), 'utf8');
    assert.ok(text.search(from) >= 0, `${name} has nothing to edit.`);
    writeFileSync(app.path(name), text.replace(from, to));
  }
  assert.match(guide, /export default withSpillway\(/);
  assert.match(guide, /runtime: 'nodejs'/);
}

/** What users of the app see: the same before and after. */
async function use(server) {
  const as = (session) => ({ headers: { 'x-session': session, 'x-forwarded-for': '192.0.2.7' } });
  const acme = as('acme/FREE');
  const first = await server.ask('/api/contacts', acme);
  assert.equal(first.status, 200);
  assert.deepEqual(await first.json(), { contacts: [] });
  assert.equal(first.headers.get('x-ratelimit-limit'), '100');
  assert.equal(first.headers.get('x-ratelimit-remaining'), '99');
  assert.equal(first.headers.get('retry-after'), null);

  const deals = await server.ask('/api/deals', as('globex/PRO'));
  assert.equal(deals.headers.get('x-ratelimit-limit'), '1000');
  assert.deepEqual(await deals.json(), { deals: [] });

  assert.deepEqual(await statuses(server, '/api/contacts', acme, 103), { 200: 99, 429: 4 });
  const denied = await server.ask('/api/contacts', acme);
  assert.ok(Number(denied.headers.get('retry-after')) >= 1);
  assert.equal((await denied.json()).error, 'Too Many Requests');
  assert.equal((await server.ask('/api/deals', acme)).status, 429);

  const status = await (await server.ask('/api/rate-limit/status', acme)).json();
  assert.ok(status.resetIn > 3_500 && status.resetIn <= 3_600);
  assert.deepEqual({ ...status, resetIn: 0 }, { limit: 100, remaining: 0, resetIn: 0, percentUsed: 100 });

  const admin = '/api/admin/rate-limits';
  const { organizations } = await (await server.ask(admin)).json();
  assert.equal(organizations.find(({ key }) => key === 'ratelimit:acme').count, 100);
  assert.equal((await server.ask(`${admin}?organization=acme`, { method: 'DELETE' })).status, 200);
  assert.equal((await server.ask('/api/contacts', acme)).headers.get('x-ratelimit-remaining'), '99');
}

async function statuses(server, path, options, count) {
  const counts = {};
  for (let i = 0; i < count; i++) {
    const { status } = await server.ask(path, options);
    counts[status] = (counts[status] ?? 0) + 1;
  }
  return counts;
}

/** How many of 130 requests two servers admit to one organization. */
async function admittedByTwo(app, env) {
  const servers = [await app.serve('start', 'turbopack', env), await app.serve('start', 'turbopack', env)];
  try {
    const options = { headers: { 'x-session': 'initech/FREE', 'x-forwarded-for': '192.0.2.8' } };
    const each = await Promise.all(servers.map((server) => statuses(server, '/api/contacts', options, 65)));
    return each.reduce((sum, counts) => sum + (counts[200] ?? 0), 0);
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
}

async function useAlone(app, env) {
  const { good, said } = app.build('turbopack', env);
  assert.ok(good, said);
  const server = await app.serve('start', 'turbopack', env);
  try {
    await use(server);
  } finally {
    await server.stop();
  }
}

/** Checks by name, in this order, for the fixture `crm`. */
export function migrationChecks(redis) {
  const env = { REDIS_URL: redis.url };
  return [
    [
      'the app before, counting in memory',
      async (app) => {
        await useAlone(app, env);
        assert.equal(await admittedByTwo(app, env), 130);
      },
    ],
    [
      'the same app after the steps of the guide',
      async (app) => {
        redis.cli('FLUSHALL');
        migrate(app);
        await useAlone(app, env);
      },
    ],
    [
      'two servers admit together what one did',
      async (app) => {
        assert.equal(await admittedByTwo(app, env), 100);
        assert.equal(redis.cli('GET', 'ratelimit:initech'), '100');
      },
    ],
  ];
}
