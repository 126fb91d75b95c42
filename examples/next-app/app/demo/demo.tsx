'use client';

import { useState } from 'react';
import { ORGANIZATIONS, PLANS, type Organization, type Plan } from '@/lib/callers';
import { Log } from './log';
import { Meter } from './meter';
import { Shell } from './shell';
import { useLimit } from './use-limit';

const ALLOWANCES: Record<Plan, string> = {
  DEMO: '10 a minute',
  FREE: '100 an hour',
  PRO: '1,000 an hour',
  ENTERPRISE: '10,000 an hour',
};

export function Demo() {
  const [organization, setOrganization] = useState<Organization>('acme');
  const [plan, setPlan] = useState<Plan>('DEMO');
  const { state, answers, sending, problem, send } = useLimit({ organization, plan });

  return (
    <div className="columns">
      <section className="card" aria-labelledby="limit-title">
        <h2 id="limit-title">Limit</h2>
        <div className="fields">
          <label>
            <span>Organization</span>
            <select
              value={organization}
              onChange={(event) => setOrganization(event.target.value as Organization)}
            >
              {ORGANIZATIONS.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
          <label>
            <span>Plan</span>
            <select value={plan} onChange={(event) => setPlan(event.target.value as Plan)}>
              {PLANS.map((name) => (
                <option key={name} value={name}>
                  {name}, {ALLOWANCES[name]}
                </option>
              ))}
            </select>
          </label>
        </div>
        <Meter state={state} />
        <div className="buttons">
          <button type="button" className="primary" disabled={sending} onClick={() => send(1)}>
            Send 1 request
          </button>
          <button type="button" disabled={sending} onClick={() => send(20)}>
            Send 20 requests
          </button>
        </div>
        <p className="problem" role="alert">
          {problem}
        </p>
        <p className="note">
          {state === null && 'Asking the server ...'}
          {state?.store === 'memory' &&
            'Counted in this server process. Set REDIS_URL to share it between servers.'}
          {state?.store === 'redis' && 'Counted in Redis, shared by every server.'}
        </p>
      </section>
      <Log answers={answers} />
      <Shell organization={organization} plan={plan} />
    </div>
  );
}
