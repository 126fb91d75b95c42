'use client';

import { useState } from 'react';
import { RateLimitIndicator } from '@/components/rate-limit-indicator';
import { useRateLimitStatus } from '@/components/use-rate-limit-status';
import { ALLOWANCES, DEMO_ORGANIZATIONS, PLANS } from '@/lib/plans';
import { Answers } from './answers';
import styles from './playground.module.css';
import { Rules } from './rules';
import { Shell } from './shell';
import { useRequests } from './use-requests';

export function Playground() {
  const [organization, setOrganization] = useState<string>(DEMO_ORGANIZATIONS[0].id);
  const { status, endsAt, problem, refresh } = useRateLimitStatus(`/api/status?org=${organization}`);
  const requests = useRequests(`/api/limited?org=${organization}`, refresh);
  // While another organization is being asked about, what is known is the former one's.
  const shown = status?.organization === organization ? status : null;

  async function changePlan(plan: string) {
    await fetch(`/api/plan?org=${organization}&plan=${plan}`, { method: 'PUT' });
    await refresh();
  }

  return (
    <div className="columns">
      <section className={`card ${styles.limit}`} aria-labelledby="limit-title">
        <h2 id="limit-title">Limit</h2>
        <fieldset className={styles.organizations}>
          <legend>Organization</legend>
          {DEMO_ORGANIZATIONS.map(({ id, name }) => (
            <label key={id}>
              <input
                type="radio"
                name="organization"
                value={id}
                checked={organization === id}
                onChange={() => setOrganization(id)}
              />
              <span>{name}</span>
            </label>
          ))}
        </fieldset>
        <label className="field">
          <span>Plan</span>
          <select
            value={shown?.plan ?? ''}
            disabled={!shown}
            onChange={(event) => void changePlan(event.target.value)}
          >
            {!shown && <option value="">Asking the server</option>}
            {PLANS.map((name) => (
              <option key={name} value={name}>
                {name}: {ALLOWANCES[name]}
              </option>
            ))}
          </select>
        </label>
        <RateLimitIndicator status={shown} endsAt={shown && endsAt} />
        <Rules rules={shown?.rules ?? []} />
        <div className="buttons">
          <button
            type="button"
            className="primary"
            disabled={requests.sending}
            onClick={() => void requests.send(1)}
          >
            Send 1 request
          </button>
          <button type="button" disabled={requests.sending} onClick={() => void requests.send(20)}>
            Send 20 requests
          </button>
        </div>
        <p className="problem" role="alert">
          {requests.problem || problem}
        </p>
      </section>
      <Answers answers={requests.answers} />
      <Shell organization={organization} />
    </div>
  );
}
