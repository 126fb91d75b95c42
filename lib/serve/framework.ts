import type * as Fastify from 'fastify';
import { invalidOption } from '../base/errors';

/** Only this command needs it. @throws RateLimitError `ERR_INVALID_OPTION` where it is not installed */
export function framework(): typeof Fastify.fastify {
  try {
    return (require('fastify') as typeof Fastify).fastify;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
    throw invalidOption('spillway serve needs fastify 5 beside spillway: npm install fastify.');
  }
}
