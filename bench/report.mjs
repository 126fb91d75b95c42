// The run as markdown: a table for each number in flight, then the goals.
import { COLD } from './cold-start.mjs';
import { figures, judge, QUIET_CORES, ratio, SUBJECT } from './goals.mjs';
import { median } from './measure.mjs';
import { PEERS } from './peers/index.mjs';

const LIBRARY = {
  spillway: 'spillway',
  ioredis: 'raw ioredis',
  node: 'raw node-redis',
  flexible: 'rate-limiter-flexible',
  express: 'rate-limit-redis',
  floor: 'floor',
};

function title(peer) {
  const on = /^(flexible|express)-(ioredis|node-redis)/.exec(peer)?.[2];
  return `${LIBRARY[peer.split('-')[0]]}${on ? ` on ${on}` : ''}: ${PEERS[peer].settings}`;
}

export function report(run) {
  const parts = [heading(run)];
  for (const inFlight of run.levels) parts.push(level(run, inFlight));
  if (run.coldStart.length > 0) parts.push(coldStart(run));
  if (run.memory.length > 0) parts.push(memory(run));
  if (run.scenario === 'admit') parts.push(goals(run));
  return `${parts.join('\n\n')}\n`;
}

function heading({ machine, versions, scenario, rounds, seconds, foreignCores }) {
  const lines = [
    '# Benchmark',
    '',
    `${machine.cpu}, ${machine.cores} cores, Linux ${machine.kernel}, Node ${versions.node}, Redis ${versions.redis}.`,
    `Peers: ${Object.entries(versions.peers)
      .map((pair) => pair.join(' '))
      .join(', ')}.`,
    ...(versions.binary ? [`The binary measured: sha256 ${versions.binary}…`] : []),
    machine.pinned ? 'Redis is pinned to core 1, the client to core 0.' : 'Nothing is pinned to a core.',
    `${rounds.length} rounds of ${seconds} s for each peer and number in flight; figures are medians over the rounds,`,
    'and ratios are medians of the ratios within a round, spillway by the peer.',
  ];
  if (scenario === 'flood')
    lines.push('Denial flood: the limit is 5 per organization, so nearly all checks are denied.');
  if (foreignCores > QUIET_CORES) {
    lines.push(
      '',
      `**Other processes kept ${foreignCores.toFixed(2)} of the cores busy while this ran (median).**`,
      'Throughput and latencies are spoiled by that; CPU per check much less.',
    );
  }
  return lines.join('\n');
}

function level(run, inFlight) {
  const peers = Object.keys(PEERS).filter((peer) => run.rounds.some((round) => round[peer]?.[inFlight]));
  const rows = peers.map((peer) => {
    const absolute = (figure) =>
      median(
        run.rounds
          .filter((round) => round[peer])
          .map((round) => figures[figure](round[peer][inFlight], round)),
      );
    const by = (figure) => (PEERS[peer].remote ? ratio(run, figures[figure], inFlight, peer) : NaN);
    return [
      title(peer),
      Math.round(absolute('perSecond')).toLocaleString('en'),
      times(by('perSecond')),
      cell(absolute('main')),
      times(by('main')),
      peer === 'floor' ? '' : cell(absolute('mainLessFloor')),
      times(by('mainLessFloor')),
      cell(absolute('whole')),
      times(by('whole')),
      cell(absolute('redis')),
      times(by('redis')),
      ['p50', 'p99', 'p999'].map((q) => cell(absolute(q))).join(' / '),
      times(by('p99')),
    ];
  });
  const head = [
    'peer',
    'checks/s',
    '×',
    'main µs',
    '×',
    'less floor µs',
    '×',
    'process µs',
    '×',
    'Redis µs',
    '×',
    'p50 / p99 / p99.9 ms',
    'p99 ×',
  ];
  return `## ${inFlight} in flight\n\n${table(head, rows)}`;
}

function coldStart(run) {
  const rows = Object.keys(COLD)
    .filter((name) => run.coldStart.some((round) => round[name]))
    .map((name) => {
      const above = median(run.coldStart.map((round) => round[name] - round.empty));
      const by = median(
        run.coldStart.map((round) => (round[SUBJECT] - round.empty) / (round[name] - round.empty)),
      );
      return [COLD[name], cell(above), times(by)];
    });
  const empty = median(run.coldStart.map((round) => round.empty));
  const note = `An empty node process takes ${cell(empty)} ms; ${run.coldStart.length} starts of each.`;
  return `## Cold start\n\n${table(['client', 'first answer, ms above empty', '×'], rows)}\n\n${note}`;
}

function memory(run) {
  const rows = ['spillway', 'map']
    .filter((store) => run.memory[0][store])
    .map((store) => [
      store === 'map' ? 'Map of { count, resetTime }' : 'spillway/memory',
      cell(median(run.memory.map((round) => round[store].bytesPerKey))),
      Math.round(median(run.memory.map((round) => round[store].perSecond))).toLocaleString('en'),
    ]);
  const count = run.memoryKeys.toLocaleString('en');
  return `## In process, ${count} keys of 16 bytes\n\n${table(['store', 'bytes per key', 'checks/s, random keys'], rows)}`;
}

function goals(run) {
  const rows = judge(run).map(({ text, atLeast, atMost, unit, value, reached, disturbed }) => {
    const shown = (number) => (unit === '×' ? times(number) : `${cell(number)} ${unit}`);
    const bound = atLeast === undefined ? `at most ${shown(atMost)}` : `at least ${shown(atLeast)}`;
    const plain = reached ? 'reached' : 'not reached';
    const verdict = reached === null ? 'not measured' : disturbed ? `${plain}, but disturbed` : plain;
    return [text, bound, value === null ? '' : shown(value), verdict];
  });
  return `## Goals\n\n${table(['goal', 'wanted', 'measured', ''], rows)}`;
}

/** `4.10×`, or `1/12.3` below one: the form in which the goals are put. */
function times(value) {
  if (!Number.isFinite(value)) return '';
  if (value > 0 && value < 0.995) return `1/${(1 / value).toFixed(1).replace(/\.0$/, '')}`;
  return `${value.toFixed(2)}×`;
}

function cell(value) {
  if (!Number.isFinite(value)) return '';
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toPrecision(3);
}

function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}
