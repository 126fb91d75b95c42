// On Redis: many keys, and Redis going away and coming back.
import assert from 'node:assert/strict';
import { judge } from './access.mjs';
import { find } from './dashboard.mjs';
import { until } from './support.mjs';

const bar = (page) => page.getByRole('banner').getByRole('status');

export async function manyKeys(visitor, redis) {
  await visitor.test(
    'among 100,000 organizations in Redis those who are limited are found',
    async (page, context) => {
      const request = await visitor.asAdmin(context);
      const seeded = await request.post('/api/admin/seed?organizations=100000', { timeout: 60_000 });
      // All but the four that are made for the page.
      assert.deepEqual(await seeded.json(), { charged: 99_996 });
      assert.ok(Number(redis.cli('DBSIZE')) > 99_996);
      assert.equal(
        (await request.post('/admin/do/block', { data: { subject: 'org-012345', ms: 600_000 } })).status(),
        200,
      );

      await visitor.signIn(page);
      await until(
        'all was looked at',
        async () =>
          /counted.*ago|counted.*just now/.test(await page.getByText(/at their limit/).textContent()),
        {
          withinMs: 60_000,
        },
      );
      await page.getByRole('link', { name: 'org-012345' }).first().waitFor();
      await find(page, 'org-054321');
      await page.getByRole('link', { name: 'org-054321' }).first().waitFor();
      assert.equal(
        (await request.post('/admin/do/reset', { data: { subject: 'org-012345' } })).status(),
        200,
      );
    },
  );
}

export async function outage(visitor, redis) {
  await visitor.test(
    'Redis stops: the dashboard says so with the reason, and nothing is done in vain',
    async (page, context) => {
      await visitor.reset(context, 'globex', 'acme');
      for (let i = 0; i < 12; i++) await context.request.get('/api/limited?org=acme');
      await visitor.signIn(page);
      await page.getByRole('heading', { name: 'Store is healthy' }).waitFor();
      await page.getByRole('link', { name: 'acme', exact: true }).first().waitFor();

      await redis.stop();
      await page.getByRole('heading', { name: 'Store is away' }).waitFor();
      await page.getByText(/redis.* does not count: \S/).waitFor();
      const answer = await context.request.get('/api/limited?org=globex');
      assert.equal(answer.status(), 200);
      // Who was denied before is still named.
      await page.getByRole('link', { name: 'acme', exact: true }).first().waitFor();
      await judge(page, 'dashboard-away');

      await page.getByRole('button', { name: 'Lift acme' }).first().click();
      await page.getByRole('dialog').getByRole('button', { name: 'Lift' }).click();
      await page.getByRole('dialog').getByRole('alert').getByText(/\w/).waitFor();
      await page.keyboard.press('Escape');

      await page.goto('/');
      await until('the bar says so', async () => (await bar(page).textContent()) === 'Redis is away');
      await page.getByText('Requests are admitted without being counted.').waitFor();
      await judge(page, 'limits-degraded');
    },
    { refusals: [503] },
  );

  await visitor.test('Redis comes back: healthy, and counted again', async (page, context) => {
    await redis.start();
    await visitor.signIn(page);
    await page.getByRole('heading', { name: 'Store is healthy' }).waitFor();
    const remaining = async () => {
      const response = await context.request.get('/api/limited?org=globex');
      return Number(response.headers()['x-ratelimit-remaining']);
    };
    assert.equal(await remaining(), 99);
    assert.equal(await remaining(), 98);
    assert.equal(redis.cli('GET', 'ratelimit:globex'), '2');
  });
}
