/** The page of spillway/dashboard, beside the rooms: the path in here holds for what is built, where the page is made. */
export interface BuiltPage {
  readonly html: string;
  /** For the Content-Security-Policy: `'sha256-…'` of what stands in the page. */
  readonly script: string;
  readonly style: string;
}

/** Read when somebody opens the page: no application pays for it before. */
export function builtPage(): BuiltPage {
  return require('./dashboard/page.json') as BuiltPage;
}
