'use client';

import { clock, useCountdown } from '@/components/use-countdown';
import styles from './playground.module.css';
import type { Answer } from './use-requests';

const time = new Intl.DateTimeFormat('en', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hour12: false,
});

const isAdmitted = ({ status }: Answer) => status === 200;

/** The newest answer in full, the older ones as a list. */
export function Answers({ answers }: { answers: Answer[] }) {
  const [newest] = answers;
  const admitted = answers.filter(isAdmitted).length;
  return (
    <section className={`card ${styles.answers}`} aria-labelledby="answers-title">
      <h2 id="answers-title">Answers</h2>
      <Refusal answer={newest?.refused ? newest : undefined} />
      {newest ? (
        <>
          <dl className={styles.headers}>
            <div>
              <dt>HTTP</dt>
              <dd>
                <Status answer={newest} />
              </dd>
            </div>
            {newest.headers.map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ))}
          </dl>
          <div className={styles.strip} aria-hidden="true">
            {answers
              .slice(0, 60)
              .reverse()
              .map((answer) => (
                <i key={answer.id} data-admitted={isAdmitted(answer)} />
              ))}
          </div>
          <p className="note" data-testid="tally">
            {admitted} admitted, {answers.length - admitted} refused
          </p>
          <ol className={styles.log} tabIndex={0} aria-label="Answers, newest first">
            {answers.map((answer) => (
              <li key={answer.id}>
                <time dateTime={answer.at.toISOString()}>{time.format(answer.at)}</time>
                <Status answer={answer} />
                <span>{summary(answer)}</span>
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

function Refusal({ answer }: { answer: Answer | undefined }) {
  const seconds = useCountdown(answer?.refused?.until ?? null);
  return (
    <div className={styles.refusal} data-shown={answer !== undefined}>
      <p role="alert">{answer && `${answer.status} ${answer.refused?.error}`}</p>
      {answer && seconds !== null && (
        <p data-testid="retry">
          {seconds > 0 ? (
            <>
              Try again in <time>{clock(seconds)}</time>
            </>
          ) : (
            'Try again now.'
          )}
        </p>
      )}
    </div>
  );
}

function Status({ answer }: { answer: Answer }) {
  return (
    <span className="tag" data-tone={isAdmitted(answer) ? 'good' : 'bad'}>
      {answer.status}
    </span>
  );
}

function summary({ headers }: Answer) {
  const { 'Retry-After': wait, 'X-RateLimit-Remaining': remaining } = Object.fromEntries(headers);
  if (wait !== undefined) return `try again in ${wait} s`;
  return remaining === undefined ? '' : `${remaining} left`;
}
