/** What is said of a store that is away: when, to whom and how often. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { ALWAYS_CLOSED } from '../../lib/telemetry/breaker-state';
import { StoreEvent } from '../../lib/telemetry/store-state';
import { Status } from '../../lib/decision/status';
import type { StateMessage } from '../../lib/telemetry/channels';
import { readLogger } from '../../lib/telemetry/logger';
import { StoreState, type Meanwhile } from '../../lib/telemetry/store-state';

const AT = '127.0.0.1:6379';
const { Dialing, Ready, Lost, Refused, Counting, Evicts } = StoreEvent;

/** A state whose clock, trouble and listeners are the test's. */
function stage(meanwhile: Meanwhile = 'open') {
  const said: string[] = [];
  const line = (level: string) => (message: string) => said.push(`${level} ${message}`);
  const world = { nowMs: 1_000, trouble: '', said };
  const state = new StoreState(
    { name: 'Redis', source: 'redis', trouble: () => world.trouble, breaker: () => ALWAYS_CLOSED },
    () => world.nowMs,
  );
  const logger = { warn: line('warn'), error: line('error'), debug: line('debug') };
  const stop = state.listen(readLogger(logger), meanwhile);
  /** What was said since the last look, without the steps of connections. */
  const heard = () => said.splice(0).filter((one) => !one.startsWith('debug'));
  return Object.assign(world, { state, heard, stop, logger });
}

const OPEN = "Until it does, requests are admitted without being counted (failureMode: 'open').";

test('one line when it goes away, one when it counts again, whatever the number of checks', () => {
  const world = stage();
  world.trouble = `${AT}: connection refused`;
  for (let i = 0; i < 1_000; i++) world.state.missed(Status.TimedOut, true);
  expect(world.heard()).toEqual([
    `error spillway: Redis at ${AT} does not count: connection refused. ${OPEN}`,
  ]);
  world.trouble = '';
  world.nowMs += 12_345;
  world.state.answered();
  world.state.answered();
  expect(world.heard()).toEqual([
    `warn spillway: Redis counts again at ${AT} after 12.3 s; 1,000 checks were decided without it.`,
  ]);
  expect(world.state.away).toBe(false);
});

test('while it lasts: at most one line a minute, with the number of checks so far', () => {
  const world = stage('closed');
  world.trouble = `${AT}: connection refused`;
  for (let second = 0; second < 180; second++) {
    world.state.missed(Status.TimedOut, true);
    world.state.event(Lost, AT, 'connection refused');
    world.nowMs += 1_000;
  }
  const lines = world.heard();
  expect(lines).toHaveLength(3);
  expect(lines[1]).toBe(
    `error spillway: Redis at ${AT} has not counted for 60 s: connection refused. 61 checks were decided without it. Until it does, requests are denied (failureMode: 'closed').`,
  );
});

test('a store that comes and goes faster than a second is away all the time', () => {
  const world = stage();
  for (let i = 0; i < 200; i++) {
    world.state.missed(Status.Disconnected, true);
    world.nowMs += 150;
    world.state.answered();
    world.nowMs += 150;
  }
  // A minute: the first line and one more at the most.
  expect(world.heard().length).toBeLessThanOrEqual(2);
});

test('it does not count again while the core knows of trouble', () => {
  const world = stage();
  world.state.event(Refused, AT, 'OOM command not allowed');
  world.trouble = `${AT}: OOM command not allowed`;
  world.nowMs += 5_000;
  world.state.answered();
  expect(world.heard()).toHaveLength(1);
  world.trouble = '';
  world.state.event(Counting, AT, '');
  world.state.answered();
  expect(world.heard()).toEqual([
    `warn spillway: Redis counts again at ${AT} after 5.0 s; 0 checks were decided without it.`,
  ]);
});

test('what the server said in a sentence of its own is no second one', () => {
  const world = stage();
  world.state.event(Refused, AT, "OOM command not allowed when used memory > 'maxmemory'.");
  expect(world.heard()).toEqual([
    `error spillway: Redis at ${AT} does not count: OOM command not allowed when used memory > 'maxmemory'. ${OPEN}`,
  ]);
});

test('a connection that ends and stands again at once is no news; one that cannot be made is', () => {
  const world = stage();
  world.state.event(Dialing, AT, '');
  world.state.event(Ready, AT, '');
  world.state.event(Lost, AT, 'the server closed the connection');
  world.state.event(Dialing, AT, '');
  world.state.event(Ready, AT, '');
  expect(world.heard()).toEqual([]);
  world.state.event(Lost, AT, 'the server closed the connection');
  world.state.event(Lost, AT, 'connection refused');
  expect(world.heard()).toHaveLength(1);
  const never = stage();
  never.state.event(Lost, AT, 'connection refused');
  expect(never.heard()).toHaveLength(1);
});

test('each server of a cluster is named when it goes away', () => {
  const world = stage();
  world.state.event(Lost, '10.0.0.1:6379', 'connection refused');
  world.state.event(Lost, '10.0.0.2:6379', 'connection timed out');
  world.state.event(Lost, '10.0.0.1:6379', 'connection refused');
  expect(world.heard()).toEqual([
    expect.stringContaining('Redis at 10.0.0.1:6379 does not count: connection refused.'),
    expect.stringContaining('Redis at 10.0.0.2:6379 does not count: connection timed out.'),
  ]);
});

test('each step of a connection is for who wants to hear it', () => {
  const world = stage();
  world.state.event(Dialing, AT, '');
  world.state.event(Ready, AT, '');
  world.state.event(Lost, AT, 'reset');
  expect(world.said).toEqual([
    `debug spillway: Redis: connecting to ${AT}`,
    `debug spillway: Redis: connected to ${AT}`,
    `debug spillway: Redis: no connection to ${AT}: reset`,
  ]);
});

test('a key that holds something else is said once, and is no outage', () => {
  const world = stage();
  for (let i = 0; i < 3; i++) world.state.missed(Status.Foreign, true);
  expect(world.heard()).toEqual([expect.stringContaining('Give the limiter a prefix of its own')]);
  expect(world.state.away).toBe(false);
});

test('a server that may drop live counts is said once', () => {
  const world = stage();
  world.state.event(Evicts, AT, 'allkeys-lru');
  world.state.event(Evicts, AT, 'allkeys-lru');
  expect(world.heard()).toEqual([expect.stringContaining('maxmemory-policy is allkeys-lru')]);
});

test('what was closed by its owner is not away', () => {
  const world = stage();
  world.state.missed(Status.Closed, true);
  expect(world.heard()).toEqual([]);
});

test('limiters with one logger are told once, of what happens to requests of all of them', () => {
  const world = stage('open');
  world.state.listen(readLogger(world.logger), 'closed');
  const other: string[] = [];
  const others = { warn: () => {}, error: (message: string) => other.push(message) };
  const stop = world.state.listen(readLogger(others), 'closed');
  world.state.missed(Status.TimedOut, true);
  expect(world.heard()).toEqual([expect.stringContaining('as failureMode of their rules says')]);
  expect(other).toEqual([expect.stringContaining("requests are denied (failureMode: 'closed')")]);
  stop();
  world.nowMs += 61_000;
  world.state.missed(Status.TimedOut, true);
  expect(other).toHaveLength(1);
});

test('a logger that throws or rejects stops nothing', async () => {
  const world = stage();
  const thrower = {
    warn: () => Promise.reject(new Error('no disk')),
    error: () => {
      throw new Error('no disk');
    },
  };
  world.state.listen(readLogger(thrower), 'open');
  world.state.missed(Status.TimedOut, true);
  world.nowMs += 2_000;
  world.state.answered();
  expect(world.heard()).toHaveLength(2);
  await Promise.resolve();
});

test('the channel hears each change with its reason and the number of checks', () => {
  const heard: StateMessage[] = [];
  const hear = (message: unknown) => void heard.push(message as StateMessage);
  subscribe('spillway:state', hear);
  const world = stage();
  world.trouble = `${AT}: connection refused`;
  world.state.missed(Status.TimedOut, true);
  world.state.missed(Status.TimedOut, true);
  world.trouble = '';
  world.nowMs += 2_000;
  world.state.answered();
  unsubscribe('spillway:state', hear);
  const breaker = ALWAYS_CLOSED;
  expect(heard).toEqual([
    { state: 'away', store: 'redis', address: AT, reason: 'connection refused', uncounted: 1, breaker },
    { state: 'counting', store: 'redis', address: AT, reason: '', uncounted: 2, breaker },
  ]);
});
