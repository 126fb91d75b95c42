// The dashboard: signing in, figures that move, the listing, and what an administrator can do.
import assert from 'node:assert/strict';
import { countdownSeconds, numberIn, until } from './support.mjs';

const row = (page, id) => page.locator(`tr[data-id="${id}"]`);
const total = (page, name) => numberIn(page.getByTestId(`total-${name}`));
const dialog = (page) => page.getByRole('dialog');

async function findOnly(page, id) {
  await page.getByLabel('Search by name or id').fill(id);
  await page.getByText('1 found', { exact: true }).waitFor();
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
    for (const path of ['overview', 'organizations']) {
      assert.equal((await context.request.get(`/api/admin/${path}`)).status(), 401);
    }
    assert.equal((await context.request.post('/api/admin/organizations/acme/reset')).status(), 401);
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
        return (await fetch(`${visitor.address}/api/admin/overview`, { headers })).status;
      };
      assert.equal(await overview(cookie.value), 200);
      assert.equal(await overview(`${Number(ends) + 1}.${id}.${signature}`), 401);
      assert.equal(await overview(`${ends}.${id}.${'A'.repeat(signature.length)}`), 401);
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
      const response = await request.post('/api/admin/organizations/acme/reset', { headers });
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

  await visitor.test('the dashboard moves with the requests', async (page, context) => {
    await visitor.reset(context, 'acme');
    await visitor.signIn(page);
    await until('figures are there', async () => (await total(page, 'Requests')) >= 0);
    const [admitted, denied] = [await total(page, 'Admitted'), await total(page, 'Denied')];
    assert.deepEqual(await use(context, 'acme', 13), [...Array(10).fill(200), ...Array(3).fill(429)]);
    await until('ten more admitted', async () => (await total(page, 'Admitted')) === admitted + 10);
    await until('three more denied', async () => (await total(page, 'Denied')) === denied + 3);
    const label = await page.getByRole('img', { name: /The last ten minutes/ }).getAttribute('aria-label');
    assert.match(label, new RegExp(`${admitted + 10} admitted, ${denied + 3} denied`));
    await page.getByText('As a table').click();
    await page.getByRole('rowheader', { name: '/api/limited' }).waitFor();
    await until('the listing moves', async () => /10 of 10/.test(await row(page, 'acme').textContent()));
  });

  await visitor.test('100,000 organizations are paged and searched', async (page) => {
    await visitor.signIn(page);
    await page.getByText('100,000 found').waitFor();
    await page.getByText('Page 1 of 5,000').waitFor();
    await page.getByRole('button', { name: 'Next' }).click();
    await row(page, 'org-000017').waitFor();
    await page.getByRole('button', { name: 'Last' }).click();
    await row(page, 'org-099996').waitFor();
    await page.getByLabel('Search by name or id').fill('harbor labs');
    await until('the search has an effect', async () => (await numberIn(page.getByTestId('count'))) < 1_000);
    const names = await page.getByRole('rowheader').allTextContents();
    assert.ok(names.length > 0 && names.every((name) => name.startsWith('Harbor Labs')), names.join());
    await page.getByLabel('Search by name or id').fill('no such organization');
    await page.getByText('0 found', { exact: true }).waitFor();
  });

  await visitor.test('a reset asks first, and gives the whole limit back', async (page, context) => {
    await visitor.reset(context, 'acme');
    await use(context, 'acme', 11);
    await visitor.signIn(page);
    await findOnly(page, 'acme');
    await row(page, 'acme').getByText('Used up').waitFor();

    await row(page, 'acme').getByRole('button', { name: 'Reset' }).click();
    await dialog(page).getByRole('button', { name: 'Cancel' }).click();
    assert.deepEqual(await use(context, 'acme', 1), [429]);

    await row(page, 'acme').getByRole('button', { name: 'Reset' }).click();
    await dialog(page).getByRole('button', { name: 'Reset' }).click();
    await page.getByText('Acme has its whole limit again.').waitFor();
    await row(page, 'acme').getByText('0 of 10').waitFor();
    assert.deepEqual(await use(context, 'acme', 1), [200]);
  });

  await visitor.test('a block asks first, refuses, and ends with a reset', async (page, context) => {
    await visitor.reset(context, 'umbrella');
    await visitor.signIn(page);
    await findOnly(page, 'umbrella');
    await row(page, 'umbrella').getByRole('button', { name: 'Block' }).click();
    await dialog(page).getByLabel('For').selectOption({ label: '1 day' });
    await dialog(page).getByRole('button', { name: 'Block' }).click();
    await row(page, 'umbrella').getByText('Blocked').waitFor();
    await row(page, 'umbrella').getByText('24 h').waitFor();
    assert.deepEqual(await use(context, 'umbrella', 1), [429]);

    await row(page, 'umbrella').getByRole('button', { name: 'Reset' }).click();
    await dialog(page).getByRole('button', { name: 'Reset' }).click();
    await row(page, 'umbrella').getByText('OK').waitFor();
    assert.deepEqual(await use(context, 'umbrella', 1), [200]);
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
