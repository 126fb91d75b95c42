'use client';

import type { Answer } from './use-limit';

const time = new Intl.DateTimeFormat('en', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hour12: false,
});

/** The newest answer in full, the older ones as a list. */
export function Log({ answers }: { answers: Answer[] }) {
  const [newest] = answers;
  const admitted = answers.filter(({ status }) => status === 200).length;
  return (
    <section className="card answers" aria-labelledby="log-title">
      <h2 id="log-title">Answers</h2>
      {newest ? (
        <>
          <dl className="headers">
            <div>
              <dt>HTTP</dt>
              <dd>
                <Status status={newest.status} />
              </dd>
            </div>
            {newest.headers.map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ))}
          </dl>
          <p className="note">
            {admitted} admitted, {answers.length - admitted} refused
          </p>
          <ol className="log" tabIndex={0} aria-label="Answers, newest first">
            {answers.map(({ id, at, status, headers }) => (
              <li key={id}>
                <time dateTime={at.toISOString()}>{time.format(at)}</time>
                <Status status={status} />
                <span>{summary(headers)}</span>
              </li>
            ))}
          </ol>
        </>
      ) : (
        <p className="note">Nothing sent yet.</p>
      )}
    </section>
  );
}

function Status({ status }: { status: number }) {
  return <span className={status === 200 ? 'status admitted' : 'status refused'}>{status}</span>;
}

function summary(headers: Answer['headers']) {
  const { 'Retry-After': wait, 'X-RateLimit-Remaining': remaining } = Object.fromEntries(headers);
  if (wait !== undefined) return `try again in ${wait} s`;
  return remaining === undefined ? '' : `${remaining} left`;
}
