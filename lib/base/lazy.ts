import type * as NodeCrypto from 'node:crypto';
import type * as NodeHttp from 'node:http';
import type * as NodeTls from 'node:tls';
import type * as NodeNet from 'node:net';
import type * as NodeFs from 'node:fs';
import type * as NodeTest from 'node:test';
import type * as Ipaddr from 'ipaddr.js';
import type * as Structured from 'structured-headers';

/**
 * Modules that only some calls need, loaded at the first of those: a process that limits by key alone starts without
 * them.
 */
function once<T>(load: () => T): () => T {
  let loaded: T | undefined;
  return () => (loaded ??= load());
}

export const fs = once(() => require('node:fs') as typeof NodeFs);
export const ipaddr = once(() => require('ipaddr.js') as typeof Ipaddr);
export const structured = once(() => require('structured-headers') as typeof Structured);
export const crypto = once(() => require('node:crypto') as typeof NodeCrypto);
export const tls = once(() => require('node:tls') as typeof NodeTls);
export const net = once(() => require('node:net') as typeof NodeNet);
export const http = once(() => require('node:http') as typeof NodeHttp);
export const nodeTest = once(() => require('node:test') as typeof NodeTest);

/** A driver of SQLite, as far as it is asked here. */
interface OpenDatabase {
  new (
    path: string,
    options?: { timeout: number },
  ): {
    prepare(sql: string): {
      run(...values: (string | number)[]): unknown;
      get(...values: (string | number)[]): unknown;
      all(...values: (string | number)[]): unknown[];
    };
    exec(sql: string): unknown;
    close(): unknown;
  };
}

// What may not be there. Each in a `try` of its own: a bundler that follows the call only warns then.
export const betterSqlite = once(() => {
  try {
    return require('better-sqlite3') as OpenDatabase;
  } catch {
    return undefined;
  }
});
export const nodeSqlite = once(() => {
  try {
    return require('node:sqlite') as { DatabaseSync: OpenDatabase };
  } catch {
    return undefined;
  }
});
export const promClient = once(() => {
  try {
    return require('prom-client') as { readonly register: object };
  } catch {
    return undefined;
  }
});
export const openTelemetry = once(() => {
  try {
    return require('@opentelemetry/api') as object;
  } catch {
    return undefined;
  }
});
