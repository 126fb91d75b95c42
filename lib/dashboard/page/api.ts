/** The routes beside the page. */

/** Wherever it is mounted, and whatever a proxy in front takes from the path. */
const base = location.pathname.replace(/\/+$/, '');

export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

const LONGEST_MS = 15_000;

export async function get<T>(
  route: string,
  query: { readonly [name: string]: string | undefined } = {},
): Promise<T> {
  const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const text = new URLSearchParams(given).toString();
  return answerOf<T>(await ask(`${base}/data/${route}${text === '' ? '' : `?${text}`}`, {}));
}

export async function post<T>(route: string, body: object): Promise<T> {
  const headers = { 'Content-Type': 'application/json' };
  return answerOf<T>(
    await ask(`${base}/do/${route}`, { method: 'POST', headers, body: JSON.stringify(body) }),
  );
}

async function ask(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { ...init, redirect: 'manual', signal: AbortSignal.timeout(LONGEST_MS) });
  } catch {
    throw new Refused(0, 'The server does not answer.');
  }
}

async function answerOf<T>(response: Response): Promise<T> {
  // Whoever is signed out is sent to the login.
  if (response.type === 'opaqueredirect' || response.status === 401) {
    throw new Refused(401, 'You are signed out. Load the page again to sign in.');
  }
  const body = (await response.json().catch(() => ({}))) as { message?: unknown };
  if (response.ok) return body as T;
  const { message } = body;
  throw new Refused(
    response.status,
    typeof message === 'string' ? message : `The server answered ${response.status}.`,
  );
}

export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
