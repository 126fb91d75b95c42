/** What is answered in place of what was asked: `{ error, message }` with a stable code. */
import { refuseUnknown } from '../base/validate';

/** Answered as it is. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly headers: Record<string, string> = {},
  ) {
    super(message);
  }

  get body(): { error: string; message: string } {
    return { error: this.code, message: this.message };
  }
}

/** By the codes of the library's errors. */
const STATUSES: { readonly [code: string]: number } = {
  ERR_UNKNOWN_PLAN: 400,
  ERR_INVALID_KEY: 400,
  ERR_INVALID_OPTION: 400,
  ERR_UNSUPPORTED: 501,
  ERR_UNAVAILABLE: 503,
  ERR_CLOSED: 503,
  ERR_NO_BINARY: 503,
};

/** By the statuses of the framework's. */
const CODES: { readonly [status: number]: string } = {
  413: 'too-large',
  414: 'too-large',
  415: 'unsupported-media-type',
  431: 'too-large',
};

const SENTENCES: { readonly [code: string]: string } = {
  FST_ERR_CTP_INVALID_JSON_BODY: 'The body is not JSON.',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'The body is empty. Send JSON such as {"key":"org-123"}.',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'Send JSON, with Content-Type: application/json.',
  FST_ERR_CTP_BODY_TOO_LARGE: 'The body is too large.',
  FST_ERR_BAD_URL: 'The path holds a % that stands before no two hexadecimal digits.',
  FST_ERR_MAX_PARAM_LENGTH: 'The key in the path is too long.',
};

/** As much of an error as is looked at: of ours, of the library, of the framework, or anybody's. */
interface Thrown {
  readonly name?: string;
  readonly code?: string;
  readonly message?: string;
  readonly statusCode?: number;
  readonly validation?: readonly unknown[];
}

/** What a caller is told of an error; undefined: nothing, since it is none of the caller's. */
export function problemOf(error: unknown): Problem | undefined {
  if (error instanceof Problem) return error;
  const { name, code = '', message = '', statusCode, validation } = (error ?? {}) as Thrown;
  // By its name: the command has a copy of the class.
  if (name === 'RateLimitError') {
    const status = STATUSES[code] ?? 500;
    return new Problem(status, code, message, status === 503 ? { 'Retry-After': '1' } : {});
  }
  if (validation !== undefined) return new Problem(400, 'bad-request', message);
  if (statusCode === undefined || statusCode >= 500) return undefined;
  return new Problem(statusCode, CODES[statusCode] ?? 'bad-request', SENTENCES[code] ?? message);
}

export const INTERNAL = new Problem(500, 'internal', 'The service failed. Its log says why.');

/** What a validator says of the first thing that it objects to. */
interface Objection {
  readonly keyword: string;
  readonly instancePath: string;
  readonly message?: string;
  readonly params?: Record<string, unknown>;
  readonly parentSchema?: { readonly properties?: object; readonly enum?: readonly unknown[] };
}

/** Its sentence. The value itself is not quoted. */
export function objectionOf(objections: readonly unknown[], part: string): Error {
  const all = objections as readonly Objection[];
  // In front of it stands why each one does not fit.
  const first = all.find((one) => one.keyword === 'oneOf') ?? all[0]!;
  const { keyword, instancePath, message = 'is wrong', params, parentSchema } = first;
  const path = instancePath
    .slice(1)
    .replace(/\/(\d+)(?=\/|$)/g, '[$1]')
    .replaceAll('/', '.');
  if (keyword === 'additionalProperties') {
    const unknown = { [String(params?.['additionalProperty'])]: 0 };
    const known = Object.keys(parentSchema?.properties ?? {});
    try {
      refuseUnknown(unknown, known, path === '' ? '' : `${path}.`, 'field');
    } catch (error) {
      return new Error((error as Error).message);
    }
  }
  const what = path === '' ? `The ${part === 'body' ? 'body' : part}` : path;
  if (keyword === 'oneOf') return new Error(`${what} must have key or request, and not both.`);
  const allowed = keyword === 'enum' ? `: ${parentSchema?.enum?.join(', ')}` : '';
  return new Error(`${what} ${message}${allowed}.`);
}
