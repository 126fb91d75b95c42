import type { Algorithm, Source } from 'spillway';

/** What the status route answers. */
export interface RateLimitStatus {
  organization: string;
  plan: string;
  /** Units that can be had at once under the rule that leaves the least. */
  limit: number;
  remaining: number;
  used: number;
  /** 0 to 100. */
  percentUsed: number;
  /** Until the window ends; 0 while nothing is counted. */
  resetInMs: number;
  blocked: boolean;
  /** `none`: Redis did not answer, so nothing is counted now and the numbers are those of an unused limit. */
  source: Source;
  rules: { rule: string; limit: number; remaining: number; algorithm: Algorithm }[];
}
