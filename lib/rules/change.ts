import { invalidOption, shown } from '../base/errors';
import { refuseUnknown } from '../base/validate';

/** Who makes a change, and from where: for the audit, as the application names them. */
export interface Who {
  /** 1 to 256 characters, such as `admin:7`. */
  by?: string;
  /** 1 to 256 characters, such as an address or the name of a tool. */
  from?: string;
}

/** What `onChange` is told. */
export interface Change extends Who {
  readonly kind: 'reset' | 'block' | 'override' | 'access' | 'plans' | 'rules';
  /** Whom it is about, as `subjectOf` writes it; undefined where it is about all. */
  readonly subject?: string;
  /** What was given: the rule of a reset, the ms of a block, an override or null for its end, plans by name. */
  readonly value?: unknown;
  /** True where it holds for all processes. */
  readonly shared: boolean;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

export const WHO = ['by', 'from'] as const;

/** @throws RateLimitError `ERR_INVALID_OPTION` */
export function readWho(given: Who): Who {
  // Also what map and forEach give, in whose place a limit may have been meant.
  if (typeof given !== 'object' || given === null) {
    throw invalidOption(
      `Such a call takes as its last argument who makes the change, as { by: 'admin:7' }, not ${shown(given)}. As a callback of map or forEach, write (id) => ... around it.`,
    );
  }
  refuseUnknown(given, [...WHO, 'rule', 'expiresAt'], '');
  const who: Who = {};
  for (const name of WHO) {
    const value: unknown = given[name];
    if (value === undefined) continue;
    if (typeof value !== 'string' || value === '' || value.length > 256) {
      throw invalidOption(
        `${name} must be a text of 1 to 256 characters, not ${shown(typeof value === 'string' ? value.length : value)}.`,
      );
    }
    who[name] = value;
  }
  return who;
}
