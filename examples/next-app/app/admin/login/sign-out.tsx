'use client';

import { useRouter } from 'next/navigation';
import { useState } from 'react';

/** For whoever is signed in. */
export function SignOut() {
  const router = useRouter();
  const [problem, setProblem] = useState('');

  async function signOut() {
    const response = await fetch('/api/admin/session', { method: 'DELETE' }).catch(() => null);
    if (response?.ok) return router.refresh();
    if (response?.status === 503) return router.replace('/admin/login?signed-out=here');
    setProblem('The server does not answer: you are still signed in.');
  }

  return (
    <>
      {/* No <Link>: the dashboard is a page of its own. */}
      <p>
        <a href="/admin">Open the dashboard</a>
      </p>
      <button type="button" onClick={() => void signOut()}>
        Sign out
      </button>
      <p className="problem" role="alert">
        {problem}
      </p>
    </>
  );
}
