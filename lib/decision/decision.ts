import { rateLimitHeaders } from '../http/headers/emit';
import {
  inPlaceOf,
  requireNodeResponse,
  requireResponse,
  setHeaders,
  type NodeResponse,
} from '../http/response';
import { denialOf } from './denial';
import type { RuleSet } from './rule-set';
import type { DecisionFields, Reason, RuleResult, Source } from './types';
import type { Subjects } from './subjects';

/** What was asked for a decision, and what a refund needs to find the charge again. */
export interface Charge {
  readonly set: RuleSet;
  readonly subjects: Subjects;
  /** Units that are charged and not given back. */
  left: number;
  /** One for each rule; a number alone where there is one rule. */
  readonly marks: number | number[];
}

/** No charge has it, in either store: what a rule that charged nothing gives to a refund. */
export const NO_MARK = -(2 ** 52);

/**
 * A decision that remembers its charge where neither JSON nor a comparison sees it. A private field costs a few
 * nanoseconds; a WeakMap or a hidden property several hundred.
 */
export class Decided implements DecisionFields {
  readonly #charge: Charge | undefined;

  constructor(
    readonly allowed: boolean,
    readonly reason: Reason,
    readonly limit: number,
    readonly remaining: number,
    readonly resetTime: number,
    readonly retryAfter: number,
    readonly retryAfterMs: number,
    readonly nearLimit: boolean,
    readonly rule: string,
    readonly rules: RuleResult[],
    readonly source: Source,
    charge: Charge | undefined,
  ) {
    this.#charge = charge;
  }

  get headers(): Record<string, string> {
    return rateLimitHeaders(this, { headers: this.#charge?.set.owner?.headers });
  }

  toResponse(): Response {
    const { status, body } = denialOf(this);
    return Response.json(body, { status, headers: this.headers });
  }

  applyTo<T extends Response>(response: T): T {
    requireResponse(response);
    if (this.allowed) return setHeaders(response, this.headers);
    const { status, body } = denialOf(this);
    return inPlaceOf(response, status, body, this.headers);
  }

  applyToNodeResponse(response: NodeResponse): boolean {
    requireNodeResponse(response);
    // By a time limit of the application's, say: nothing can be told any more.
    if (response.headersSent === true) return this.allowed;
    for (const [name, value] of Object.entries(this.headers)) response.setHeader(name, value);
    if (this.allowed) return true;
    const { status, body } = denialOf(this);
    response.statusCode = status;
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify(body));
    return false;
  }

  /** What a decision was charged; null for what is no decision, or a copy of one. */
  static chargeOf(decision: unknown): Charge | undefined | null {
    if (typeof decision !== 'object' || decision === null || !(#charge in decision)) return null;
    return decision.#charge;
  }
}
