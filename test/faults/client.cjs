// A process that asks limiters of all failure modes at a steady rate, and watches itself. `given`: what it asks; on standard
// input: `measure`, `block <ms>`, and `stop`, which ends the load, and then everything.
const { EventEmitter, once } = require('node:events');
const { readFileSync, readdirSync, readlinkSync } = require('node:fs');
const { createRateLimiter } = require('spillway');

const MODES = ['open', 'closed', 'memory'];
const TICK_MS = 10;
const HEALTH_MS = 100;
const FRESH_MS = 5_000;
/** Timers are late by less on a machine that does nothing else. */
const STALL_MS = 3;
/** Of ten checks so many go to the plan that never denies. */
const WIDE_OF_TEN = 3;
/** Checks that are under way when the loop is blocked. */
const BLOCKED = 10;
/** Turns of the loop in which those may be written. */
const TURNS = 3;
/** Blocked for so long, the loop stays so until all answers are there, however busy the machine is. */
const SURE_MS = 1_000;
const MOST_MS = 10_000;

module.exports = async function client(given, report) {
  const random = sequence(given.seed);
  const now = () => performance.timeOrigin + performance.now();
  const told = listen();
  const stopped = once(told, 'stop');
  const before = usage();
  // What outages run through, too.
  await warmUp(given.nowhere, given);
  await warmUp(given.store, given);
  const { store, close } = openStore(given.store);
  const limiters = MODES.map((failureMode) =>
    createRateLimiter({
      ...store,
      plans: given.plans,
      prefix: given.prefix + failureMode,
      failureMode,
      share: given.share,
      timeoutMs: given.timeoutMs,
      logger: false,
    }),
  );
  const faults = [];
  process.on('unhandledRejection', (reason) => faults.push(`unhandled rejection: ${reason}`));
  process.on('uncaughtException', (error) => faults.push(`uncaught: ${error.stack}`));

  const beganMs = now();
  const stalls = stallsOf();
  const plans = Object.keys(given.plans).filter((plan) => plan !== 'wide');
  const checks = [];
  let asked = 0;
  let pending = 0;
  const askAny = () => {
    if (random(10) < WIDE_OF_TEN) return ask('wide', 'all');
    const plan = plans[random(plans.length)];
    // Others every few seconds: a long run would meet nothing but denials.
    return ask(plan, `${plan}-${random(given.keys)}-${Math.floor((now() - beganMs) / FRESH_MS)}`);
  };
  // On keys of its own, which no other process holds, and in one trip: the first denials of a fixed window may take two.
  const owns = plans.filter((plan) => plan !== 'fixed');
  const askOwn = (plan = owns[random(owns.length)]) => ask(plan, `own-${process.pid}`);
  const ask = (plan, key) => {
    const no = asked++;
    const mode = random(MODES.length);
    const startMs = now();
    const lostMs = stalls.lostMs();
    pending++;
    return limiters[mode].check(key, plan).then(
      ({ allowed, source }) => {
        pending--;
        checks.push([no, MODES[mode], plan, key, startMs, now(), stalls.lostMs() - lostMs, allowed, source]);
        return source;
      },
      (error) => {
        pending--;
        faults.push(`check ${no} was rejected: ${error.stack}`);
      },
    );
  };
  let due = 0;
  let resting = false;
  const load = setInterval(() => {
    stalls.tick();
    if (resting) return;
    for (due += (given.perSecond * TICK_MS) / 1_000; due >= 1; due--) askAny();
  }, TICK_MS);
  const health = setInterval(async () => {
    if (resting) return;
    const startMs = now();
    pending++;
    const { healthy, lastError } = await limiters[0].health();
    pending--;
    report({ health: { startMs, endMs: now(), healthy, lastError } });
  }, HEALTH_MS);
  const tell = () => report({ checks: checks.splice(0) });
  const telling = setInterval(tell, 200);

  const memory = [];
  const measuring = setInterval(() => memory.push(process.memoryUsage.rss()), 100);
  told.on('measure', () => report({ resident: resident() }));
  told.on('block', async (told) => {
    const ms = Number(told);
    resting = true;
    while (pending > 0) await new Promise((resolve) => setTimeout(resolve, 1));
    // A pool may have to connect first, and a server that was started again to be given the scripts.
    for (const plan of owns) while ((await askOwn(plan)) !== given.name);
    const asked = Array.from({ length: BLOCKED }, () => askOwn());
    for (let turn = 0; turn < TURNS; turn++) await new Promise(setImmediate);
    // At the beginning of a turn: whatever was read has been told.
    const nextTurn = new Promise((resolve) => setTimeout(resolve, 1));
    block(2);
    await nextTurn;
    block(ms);
    // One connection brings the answers of all: a batch of them is one write of the server's.
    for (let all = ms; ms >= SURE_MS && all < MOST_MS && pending > 0 && !hasArrived(); all += TICK_MS)
      block(TICK_MS);
    resting = false;
    const sources = await Promise.all(asked);
    const late = sources.filter((source) => source !== given.name).length;
    if (ms >= SURE_MS && late > 0)
      faults.push(
        `${late} answers that came while the loop was blocked were called late: ${limiters.map((limiter) => limiter.stats().lastError)}`,
      );
  });
  await stopped;
  for (const timer of [load, health, measuring]) clearInterval(timer);
  const endMs = now() + given.timeoutMs + 5_000;
  while (pending > 0 && now() < endMs) await new Promise((resolve) => setTimeout(resolve, 10));
  clearInterval(telling);
  tell();
  const unsettled = pending;
  await Promise.all(limiters.map((limiter) => limiter.close()));
  await close();
  process.stdin.unref();
  // What was closed leaves with the next turns of the loop.
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve, 5));
  report({
    end: { before, after: usage(), unsettled, faults, mostResident: Math.max(...memory) },
  });
};

/** Asks so much that memory can be compared from then on. */
async function warmUp(source, { plans, timeoutMs, prefix }) {
  const { store, close } = openStore(source);
  const options = { plans, failureMode: 'memory', logger: false, timeoutMs, prefix: `${prefix}warm-up` };
  const limiter = createRateLimiter({ ...store, ...options });
  const names = Object.keys(plans);
  for (let i = 0; i < 20; i++) {
    const asked = Array.from({ length: 100 }, (_, k) =>
      limiter.check(`key-${i}-${k % 30}`, names[k % names.length], { failureMode: MODES[k % 3] }),
    );
    await Promise.all(asked);
  }
  // Denials of each plan, too: what they need is asked of a server twice at first.
  for (let i = 0; i < 3; i++) {
    await Promise.all(
      names.flatMap((plan) => Array.from({ length: 15 }, () => limiter.check('denied', plan))),
    );
  }
  await limiter.health();
  await limiter.close();
  await close();
}

/** Lines of the standard input, as events. */
function listen() {
  const told = new EventEmitter();
  process.stdin.setEncoding('utf8').on('data', (lines) => {
    for (const line of lines.trim().split('\n')) told.emit(...line.split(' '));
  });
  return told;
}

function openStore(store) {
  if (store.kind === 'redis') return { store: { redis: store.options }, close: async () => {} };
  if (store.kind === 'mysql') {
    const { createPool } = require('mysql2/promise');
    const { mysqlStore } = require('spillway/mysql');
    const pool = createPool(store.login);
    return { store: { store: mysqlStore(pool, { database: store.database }) }, close: () => pool.end() };
  }
  if (store.kind === 'sqlite') {
    const { sqliteStore } = require('spillway/sqlite');
    return { store: { store: sqliteStore(store.path) }, close: async () => {} };
  }
  if (store.kind === 'cas') {
    const { casStore } = require('spillway/store');
    return { store: { store: casStore(require('./cas-source.cjs')(store.port)) }, close: async () => {} };
  }
  const { Pool } = require('pg');
  const { postgresStore } = require('spillway/postgres');
  const pool = new Pool({ ...store.login, connectionTimeoutMillis: 1_000 });
  return { store: { store: postgresStore(pool, { schema: store.schema }) }, close: () => pool.end() };
}

/** As a call does that waits in one turn: for a file, or for another process. It takes no processor from the servers. */
function block(ms) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** Whether a connection of this process has something that was not read yet. */
function hasArrived() {
  const sockets = descriptors().flatMap((target) => /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? []);
  return readFileSync('/proc/self/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .some((columns) => sockets.includes(columns[9]) && !columns[4].endsWith(':00000000'));
}

/** Descriptors and handles of this process; its pipes to the test are there from first to last. */
function usage() {
  const handles = process
    .getActiveResourcesInfo()
    .filter((name) => !/^(PipeWrap|Timeout|Immediate|TTYWrap)$/.test(name));
  return { descriptors: descriptors().map(withoutNumber).sort(), handles: handles.sort() };
}

/** What the descriptors are open on. */
function descriptors() {
  return readdirSync('/proc/self/fd').map((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`);
    } catch {
      return 'the list itself';
    }
  });
}

/** Each has a number of its own. */
function withoutNumber(target) {
  return target.replace(/\[\d+\]/, '');
}

/**
 * Resident bytes, and those of them that the process itself has allocated: of the rest, pages of the program's file, more are
 * there with each part of it that has run.
 */
function resident() {
  for (let i = 0; i < 3; i++) globalThis.gc?.();
  const bytesOf = (name, status) =>
    1_024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)[1]);
  const status = readFileSync('/proc/self/status', 'utf8');
  return { all: bytesOf('VmRSS', status), allocated: bytesOf('RssAnon', status) };
}

/**
 * For how long this process was kept from running until now: what a busy machine adds to any wait. Its own work is not excused.
 * The system counts for how long it was ready and had no processor; of a machine that stands still itself, ticks tell.
 */
function stallsOf() {
  let lostMs = -waited();
  let dueMs = performance.now() + TICK_MS;
  let ownMs = cpu() + waited();
  const lateMs = () => {
    const ms = performance.now() - dueMs - (cpu() + waited() - ownMs);
    return ms > STALL_MS ? ms : 0;
  };
  const tick = () => {
    lostMs += lateMs();
    dueMs = performance.now() + TICK_MS;
    ownMs = cpu() + waited();
  };
  return { tick, lostMs: () => lostMs + waited() + lateMs() };
}

/** In ms, since it began: https://docs.kernel.org/scheduler/sched-stats.html */
function waited() {
  return Number(readFileSync('/proc/self/schedstat', 'utf8').split(' ')[1]) / 1e6;
}

function cpu() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** A generator of Lehmer's: random(n) is 0 to n - 1. */
function sequence(seed) {
  let state = (seed % 2_147_483_646) + 1;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
}
