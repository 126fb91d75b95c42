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
