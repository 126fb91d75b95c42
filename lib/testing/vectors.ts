import type { AnyAlgorithm } from './rates';

/** One call of a sequence on one key, and what it is answered. Times are milliseconds since the sequence began. */
export interface VectorStep {
  readonly op: 'check' | 'peek' | 'penalize' | 'refund' | 'block' | 'reset';
  readonly at: number;
  readonly limit: number;
  readonly windowMs: number;
  readonly algorithm?: AnyAlgorithm;
  readonly burst?: number;
  /** Units of a check, a look or a penalty; default 1. */
  readonly cost?: number;
  /** Of a refund: the number of the step whose charge it gives back, and how much of it. */
  readonly of?: number;
  readonly units?: number;
  /** Of a block. */
  readonly ms?: number;
  readonly expect: {
    readonly allowed?: boolean;
    readonly remaining?: number;
    readonly resetInMs?: number;
    /** -1: it never fits. */
    readonly retryAfterMs?: number;
    readonly blocked?: true;
    readonly refunded?: boolean;
    readonly existed?: boolean;
  };
}

export interface Vector {
  readonly name: string;
  readonly steps: readonly VectorStep[];
}

/** The sequences of each algorithm. The build writes them beside this file, from what the package's own stores are tested by. */
export const VECTORS = require('./vectors.json') as {
  readonly [Algorithm in AnyAlgorithm]: readonly Vector[];
};
