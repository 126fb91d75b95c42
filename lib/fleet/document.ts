import { invalidOption, sentence, shown } from '../base/errors';
import { isIntegerIn, refuseUnknown, requireObject } from '../base/validate';
import type { Override } from '../rules/override';
import type { Plan } from '../rules/plan';
import { MOST_TEXT_BYTES, type Versioned } from '../stores/documents';
import type { SharedSet } from '../rules/shared-set';
import type { Who } from '../rules/change';

/** An override of the whole fleet, and who set it when. Times are milliseconds since the epoch. */
export interface SharedOverride extends Who {
  readonly override: Override;
  readonly expiresAt?: number;
  readonly setAt: number;
}

/** The rules of a plan in the whole fleet, and who set them when. */
export interface SharedPlan extends Who {
  readonly plan: Plan;
  readonly setAt: number;
}

export interface RulesDocument {
  readonly plans: { readonly [plan: string]: SharedPlan };
  readonly overrides: { readonly [subject: string]: SharedOverride };
}

export const NO_RULES: RulesDocument = { plans: {}, overrides: {} };

const LATEST_MS = 8.64e15;

/** @throws RateLimitError `ERR_INVALID_OPTION` for what no `writeDocument` gave */
export function readDocument({ version, text }: Versioned): RulesDocument {
  if (version === '') return NO_RULES;
  if (text === '') {
    throw invalidOption(
      `It is gone, though its version is there, or it has more than ${MOST_TEXT_BYTES} bytes.`,
    );
  }
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch (error) {
    // What JSON.parse says quotes the text, and in it subjects.
    throw invalidOption(
      `It is not JSON: ${sentence(error instanceof Error ? error.name : 'no reason known')}`,
    );
  }
  requireObject(given, 'The document');
  refuseUnknown(given, ['plans', 'overrides'], '', 'part');
  const { plans = {}, overrides = {} } = given as Partial<RulesDocument>;
  requireObject(plans, 'plans');
  requireObject(overrides, 'overrides');
  for (const plan of Object.values(plans)) readFields(plan, 'plans.…', 'plan', []);
  for (const override of Object.values(overrides)) {
    readFields(override, 'overrides[…]', 'override', ['expiresAt']);
    readExpiry(override.expiresAt, 'overrides[…].expiresAt');
  }
  return { plans, overrides };
}

function readFields(given: unknown, where: string, value: string, more: readonly string[]): void {
  requireObject(given, where);
  refuseUnknown(given, [value, 'setAt', 'by', 'from', ...more], `${where}.`, 'field');
  if (Object.hasOwn(given, value)) return;
  throw invalidOption(`${where} has no ${value}.`);
}

export function readExpiry(value: unknown, where: string): void {
  if (value === undefined || isIntegerIn(value, 1, LATEST_MS)) return;
  throw invalidOption(
    `${where} must be a time in milliseconds since the epoch, such as Date.now() + 3_600_000, not ${shown(value)}.`,
  );
}

/** @throws RateLimitError `ERR_INVALID_OPTION` for more than a store takes */
export function writeDocument(document: RulesDocument): string {
  const text = JSON.stringify(document);
  const bytes = Buffer.byteLength(text);
  if (bytes <= MOST_TEXT_BYTES) return text;
  throw invalidOption(
    `Shared rules of ${bytes} bytes are more than the ${MOST_TEXT_BYTES} that fit. Remove overrides that are not needed, or give those subjects a plan.`,
  );
}

/** What holds at a time. */
export function heldAt({ plans, overrides }: RulesDocument, nowMs: number): SharedSet {
  return {
    plans: Object.fromEntries(Object.entries(plans).map(([name, { plan }]) => [name, plan])),
    overrides: Object.fromEntries(
      Object.entries(alive(overrides, nowMs)).map(([subject, { override }]) => [subject, override]),
    ),
  };
}

export function alive(overrides: RulesDocument['overrides'], nowMs: number): RulesDocument['overrides'] {
  return Object.fromEntries(
    Object.entries(overrides).filter(([, { expiresAt }]) => expiresAt === undefined || expiresAt > nowMs),
  );
}

/** When the first of the overrides ends that hold at a time; Infinity: none does. */
export function nextExpiry({ overrides }: RulesDocument, nowMs: number): number {
  return Math.min(
    ...Object.values(overrides)
      .map(({ expiresAt = Infinity }) => expiresAt)
      .filter((at) => at > nowMs),
  );
}
