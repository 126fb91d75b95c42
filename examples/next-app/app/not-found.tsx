import type { Metadata } from 'next';
import Link from 'next/link';

export const metadata: Metadata = { title: 'Not found' };

/** Next.js' own has a style element, which the Content-Security-Policy refuses. */
export default function NotFound() {
  return (
    <header className="masthead">
      <h1>There is no such page</h1>
      <p className="lead">
        <Link href="/">To the limits</Link>
      </p>
    </header>
  );
}
