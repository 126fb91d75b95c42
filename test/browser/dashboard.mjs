// The dashboard: signing in, figures that move, the listing, and what an administrator can do.
import assert from 'node:assert/strict';
import { countdownSeconds, until } from './support.mjs';

/** The row of a table in which somebody's name is a link; of several rules the first. */
const row = (page, name, table = 'Limited now') =>
  page
    .locator(`[aria-label="${table}"] tr`)
    .filter({ has: page.getByRole('link', { name, exact: true }) })
    .first();
const dialog = (page) => page.getByRole('dialog');
const overviewOf = async (context) => (await context.request.get('/admin/data/overview')).json();

export async function find(page, text) {
  await page.getByRole('searchbox').fill(text);
  await page.getByRole('button', { name: 'Find' }).click();
  await page.getByText(/\d found|Nobody is counted/).waitFor();
}

async function use(context, organization, times) {
  const found = [];
  for (let i = 0; i < times; i++) {
    found.push((await context.request.get(`/api/limited?org=${organization}`)).status());
  }
  return found;
}

export async function dashboard(visitor) {
  await visitor.test('without a session there is a login, and no data', async (page, context) => {
    await page.goto('/admin');
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    for (const path of ['overview', 'limited', 'changes', 'find?text=a', 'subject?subject=acme']) {
      assert.equal((await context.request.get(`/admin/data/${path}`)).status(), 401);
    }
    const data = { subject: 'acme' };
    assert.equal((await context.request.post('/admin/do/reset', { data })).status(), 401);
  });

  await visitor.test(
    'a session is signed, ends with signing out, and no script can read it',
    async (page, context) => {
      await visitor.signIn(page);
      const cookies = await context.cookies();
      for (const { httpOnly, sameSite, value } of cookies) {
        assert.deepEqual([httpOnly, sameSite], [true, 'Strict']);
        assert.equal(value.includes(visitor.password), false);
      }
      const cookie = cookies.find(({ name }) => name === 'spillway-admin');
      const [ends, id, signature] = cookie.value.split('.');
      const overview = async (value) => {
        const headers = { Cookie: `${cookie.name}=${value}` };
        return (await fetch(`${visitor.address}/admin/data/overview`, { headers })).status;
      };
      assert.equal(await overview(cookie.value), 200);
      assert.equal(await overview(`${Number(ends) + 1}.${id}.${signature}`), 401);
      assert.equal(await overview(`${ends}.${id}.${'A'.repeat(signature.length)}`), 401);
      await page.getByRole('link', { name: 'Sign out' }).click();
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByRole('heading', { name: 'Sign in' }).waitFor();
      const left = (await context.cookies()).map(({ name }) => name);
      assert.deepEqual(left, ['spillway-device']);
      assert.equal(await overview(cookie.value), 401, 'a copy that somebody kept');
    },
  );

  await visitor.test('another site cannot make a browser act', async (page, context) => {
    const request = await visitor.asAdmin(context);
    for (const headers of [{ 'Sec-Fetch-Site': 'same-site' }, { Origin: 'https://elsewhere.example' }]) {
      const response = await request.post('/admin/do/reset', { headers, data: { subject: 'acme' } });
      assert.equal(response.status(), 403);
    }
  });

  await visitor.test(
    'a script that somebody smuggled in does not run, and no page is shown in a frame',
    async (page) => {
      await page.goto('/admin/login');
      const markup = '<img src="/icon.svg" onload="window.smuggled = true"><iframe src="/"></iframe>';
      const refused = page.waitForEvent('console', (message) => /inline event handler/.test(message.text()));
      await page.evaluate(`document.body.insertAdjacentHTML('beforeend', '${markup}')`);
      await refused;
      await until('the frame was refused', () => page.frames().length === 2 && page.frames()[1].url() !== '');
      assert.equal(await page.evaluate('window.smuggled'), undefined);
      assert.doesNotMatch(page.frames()[1].url(), /^http/);
    },
    { complaints: /Content Security Policy/ },
  );

  await visitor.test(
    'who is limited is seen with rule, denials and time, and it moves',
    async (page, context) => {
      await visitor.reset(context, 'acme');
      await visitor.signIn(page);
      const before = await overviewOf(context);
      assert.deepEqual(await use(context, 'acme', 13), [...Array(10).fill(200), ...Array(3).fill(429)]);
      const acme = row(page, 'acme');
      await acme.getByText('at its limit').waitFor();
      await until('it says how far', async () =>
        /DEMO.*10 of 10.*3 here|10 of 10/.test(await acme.textContent()),
      );
      const after = await overviewOf(context);
      assert.equal(after.stats.decisions.limit - before.stats.decisions.limit, 3);
      await use(context, 'acme', 4);
      const denied = (text) => Number(/of 10([\d,]+) here/.exec(text)?.[1] ?? NaN);
      await until('it moves', async () => denied(await acme.textContent()) >= 7);
    },
  );

  await visitor.test('a flood from one address: found, and let go', async (page, context) => {
    const from = { 'X-Forwarded-For': '198.51.100.77' };
    const ask = () => context.request.get('/api/drop-in', { headers: from });
    const answers = [];
    while (answers.length < 330) answers.push(...(await Promise.all(Array.from({ length: 30 }, ask))));
    assert.ok(answers.some((answer) => answer.headers()['x-ratelimit-limit'] === '300'));
    await visitor.signIn(page);
    await page.getByLabel('Kind').selectOption('ip');
    const flood = row(page, '198.51.100.77');
    await flood.getByText('at its limit').waitFor();
    assert.match(await flood.textContent(), /address.*client.*300 of 300/);
    await flood.getByRole('link').click();
    await page.getByRole('heading', { name: 'ip:198.51.100.77' }).waitFor();
    await page.getByRole('button', { name: 'Lift 198.51.100.77' }).first().click();
    await dialog(page).getByRole('button', { name: 'Lift' }).click();
    await page.getByText('198.51.100.77 has the whole limit again.').waitFor();
    await page.getByText('Nothing is counted for it now.').waitFor();
    await page.getByRole('row').filter({ hasText: 'administrator' }).getByText('lifted').waitFor();
    assert.notEqual((await ask()).headers()['x-ratelimit-limit'], '300');
  });

  await visitor.test(
    'a search finds an exact id and parts of others, and says where nobody is',
    async (page, context) => {
      await visitor.reset(context, 'acme', 'globex');
      await use(context, 'acme', 1);
      await use(context, 'globex', 1);
      await visitor.signIn(page);
      await find(page, 'acme');
      await row(page, 'acme', 'Found').waitFor();
      await find(page, 'lobe');
      await row(page, 'globex', 'Found').waitFor();
      await find(page, 'no such organization');
      await page.getByText('Nobody is counted under that.').waitFor();
    },
  );

  await visitor.test('a lift asks first, and gives the whole limit back', async (page, context) => {
    await visitor.reset(context, 'acme');
    await use(context, 'acme', 11);
    await visitor.signIn(page);
    const lift = page.getByRole('button', { name: 'Lift acme' });
    await lift.click();
    await dialog(page).getByRole('button', { name: 'Cancel' }).click();
    assert.deepEqual(await use(context, 'acme', 1), [429]);
    await lift.click();
    await dialog(page).getByRole('button', { name: 'Lift' }).click();
    await page.getByText('acme has the whole limit again.').waitFor();
    assert.deepEqual(await use(context, 'acme', 1), [200]);
  });

  await visitor.test('a block asks first, refuses, and ends with a lift', async (page, context) => {
    await visitor.reset(context, 'umbrella');
    await visitor.signIn(page);
    await page.goto('/admin#/subject/umbrella');
    await page.getByRole('button', { name: 'Block umbrella' }).click();
    await dialog(page).getByLabel('For how long').selectOption({ label: '1 day' });
    await dialog(page).getByRole('button', { name: 'Block' }).click();
    await page.getByText('umbrella is blocked.').waitFor();
    await page.getByText('blocked', { exact: true }).first().waitFor();
    assert.deepEqual(await use(context, 'umbrella', 1), [429]);
    await page.getByRole('button', { name: 'Lift umbrella' }).first().click();
    await dialog(page).getByRole('button', { name: 'Lift' }).click();
    await page.getByText('Nothing is counted for it now.').waitFor();
    assert.deepEqual(await use(context, 'umbrella', 1), [200]);
  });

  await visitor.test(
    'limits are raised for a while, and it can be ended',
    async (page, context) => {
      await visitor.reset(context, 'acme');
      await visitor.signIn(page);
      await page.goto('/admin#/subject/acme');
      const raise = page.getByRole('button', { name: 'Raise acme' });
      await raise.click();
      await dialog(page).getByLabel(/^To/).fill('many');
      await dialog(page).getByRole('button', { name: 'Raise' }).click();
      await dialog(page).getByRole('alert').getByText(/many/).waitFor();
      await dialog(page).getByLabel(/^To/).fill('3x');
      await dialog(page).getByRole('button', { name: 'Raise' }).click();
      await page.getByText(/Has other limits: .*3/).waitFor();
      const limit = async () => (await (await context.request.get('/api/status?org=acme')).json()).limit;
      await until('it holds', async () => (await limit()) === 30);
      await page.getByRole('button', { name: 'End the override of acme' }).click();
      await dialog(page).getByRole('button', { name: 'End it' }).click();
      await until('it is over', async () => (await limit()) === 10);
    },
    { refusals: [400, 429] },
  );

  await visitor.test('an id that looks like markup is shown as it is', async (page, context) => {
    const request = await visitor.asAdmin(context);
    const subject = '<img src=x onerror="window.smuggled=1">\u202e';
    const blocked = await request.post('/admin/do/block', { data: { subject, ms: 60_000 } });
    assert.equal(blocked.status(), 200);
    await page.goto('/admin');
    await page
      .getByRole('link', { name: /^<img src=x/ })
      .first()
      .click();
    await page.getByRole('heading', { name: /^<img src=x.*\\u202e$/ }).waitFor();
    assert.equal(await page.evaluate('window.smuggled'), undefined);
    assert.equal((await request.post('/admin/do/reset', { data: { subject } })).status(), 200);
  });
}

export async function wrongPasswords(visitor) {
  await visitor.test(
    'five wrong passwords, then a countdown, and the right one has to wait too',
    async (page) => {
      await page.goto('/admin/login');
      const submit = page.getByRole('button', { name: 'Sign in' });
      for (let i = 1; i <= 6; i++) {
        await page.getByLabel('Password').fill(`wrong ${i}`);
        const answered = page.waitForResponse('**/api/admin/session');
        await submit.click();
        assert.equal((await answered).status(), i <= 5 ? 401 : 429);
        if (i <= 5) await page.getByText('That is not the password.').waitFor();
      }
      await page.getByText('Too many wrong passwords.').waitFor();
      assert.equal(await submit.isDisabled(), true);
      const seconds = await countdownSeconds(page.getByTestId('retry').locator('time'));
      assert.ok(seconds >= 1 && seconds <= 60, `the countdown says ${seconds} s`);
      const right = await page.request.post('/api/admin/session', { data: { password: visitor.password } });
      assert.equal(right.status(), 429);
    },
    { refusals: [401, 429] },
  );
}
