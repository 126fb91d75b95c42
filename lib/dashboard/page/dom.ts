/** Elements are made of texts, never of markup: ids of subjects are anybody's. */
type Child = Node | string | number | null | undefined | false;

export interface Props {
  readonly [name: string]: string | number | boolean | ((event: Event) => void) | undefined;
}

export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === 'function') element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== undefined && value !== false) element.setAttribute(name, String(value));
  }
  put(element, ...children);
  return element;
}

export function put(element: Element, ...children: Child[]): void {
  element.replaceChildren(
    ...children.flatMap((child) =>
      child === null || child === undefined || child === false
        ? []
        : [child instanceof Node ? child : String(child)],
    ),
  );
}

export function byId(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`There is no #${id}.`);
  return found;
}

/** Told to everybody, also by screen readers; replaced by what is said next. */
export function say(text: string, isBad = false): void {
  const said = byId('said');
  said.className = isBad ? 'bad' : 'good';
  put(said, text);
}

export interface Column<T> {
  readonly head: string;
  readonly cell: (row: T) => Child | Child[];
  /** Right-aligned figures. */
  readonly isNumber?: boolean;
}

/** A table that is a list of cards where there is no room for one. */
export function table<T>(caption: string, columns: readonly Column<T>[], rows: readonly T[]): HTMLElement {
  const classOf = (column: Column<T>) => (column.isNumber === true ? 'number' : undefined);
  return h(
    'div',
    { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': caption },
    h(
      'table',
      {},
      h('caption', { class: 'hidden' }, caption),
      h(
        'thead',
        {},
        h('tr', {}, ...columns.map((one) => h('th', { scope: 'col', class: classOf(one) }, one.head))),
      ),
      h(
        'tbody',
        {},
        ...rows.map((row) =>
          h(
            'tr',
            {},
            ...columns.map((one) =>
              h('td', { 'data-head': one.head, class: classOf(one) }, ...[one.cell(row)].flat()),
            ),
          ),
        ),
      ),
    ),
  );
}
