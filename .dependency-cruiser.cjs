/**
 * The rooms of lib/, from the ground up: each may import itself and what stands before it. `npm run lint` holds it, type-only
 * imports included. The entries and binary.ts stand beside the rooms: binary.ts, because the paths in it hold for lib/ as
 * for dist/.
 */
const ROOMS = [
  ...['base', 'http', 'rules', 'decision', 'telemetry', 'stores', 'sql', 'postgres', 'mysql', 'sqlite'],
  ...[
    'mongodb',
    'fleet',
    'limiter',
    'metrics',
    'prometheus',
    'opentelemetry',
    'drop-in',
    'next',
    'monitoring',
    'dashboard',
    'store',
    'testing',
    'serve',
    'cli',
  ],
];

const upwards = ROOMS.slice(0, -1).map((room, i) => ({
  name: `${room} stands below ${ROOMS.slice(i + 1).join(', ')}`,
  severity: 'error',
  from: { path: `^lib/${room}/` },
  to: { path: `^lib/(${ROOMS.slice(i + 1).join('|')})/` },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...upwards,
    { name: 'no circle', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'nothing imports an entry',
      severity: 'error',
      // The conformance suite, the service and the command ask as everybody does.
      from: { path: '^lib/', pathNot: '\\.mts$|^lib/(testing|serve|cli)/' },
      to: { path: '^lib/index\\.' },
    },
    {
      name: 'no orphan',
      severity: 'error',
      from: { orphan: true, pathNot: '\\.(mts|d\\.ts)$|^lib/dashboard/page/' },
      to: {},
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
  },
};
