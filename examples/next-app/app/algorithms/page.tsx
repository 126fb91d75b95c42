import type { Metadata } from 'next';
import { Comparison } from './comparison';

export const metadata: Metadata = { title: 'Algorithms' };

export default function Page() {
  return (
    <>
      <header className="masthead">
        <h1>Four ways to count ten requests in ten seconds</h1>
        <p className="lead">
          The same request goes to four routes that differ in their algorithm alone. Use a limit up, wait a
          little, and see who admits how many again.
        </p>
      </header>
      <Comparison />
    </>
  );
}
