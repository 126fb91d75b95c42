import type { Override } from './override';
import type { Plan } from './plan';

/** What the whole fleet has in place of what the options of its limiters say. */
export interface SharedSet {
  readonly plans: { readonly [plan: string]: Plan };
  readonly overrides: { readonly [subject: string]: Override };
}
