// On Redis: many keys, and Redis going away and coming back.
import assert from 'node:assert/strict';
import { judge } from './access.mjs';
import { numberIn, until } from './support.mjs';

const notCounted = (page) => numberIn(page.getByTestId('total-Not counted'));
const bar = (page) => page.getByRole('banner').getByRole('status');

export async function manyKeys(visitor, redis) {
  await visitor.test('those that used the most, of 100,000 keys in Redis', async (page, context) => {
    const request = await visitor.asAdmin(context);
    const seeded = await request.post('/api/admin/seed?organizations=100000', { timeout: 60_000 });
    // All but the four that are made for the page.
    assert.deepEqual(await seeded.json(), { charged: 99_996 });
    assert.ok(Number(redis.cli('DBSIZE')) > 99_996);

    await visitor.signIn(page);
    await page.getByLabel('Show').selectOption('used');
    await until('the listing', async () => (await numberIn(page.getByTestId('count'))) === 1_000, {
      withinMs: 60_000,
    });
    const most = await numberIn(page.locator('tbody tr[data-id]').first().getByText(/ of /));
    assert.ok(most > 400, `the largest count is ${most}`);
  });
}

export async function outage(visitor, redis) {
  await visitor.test(
    'Redis stops: degraded, since when, and requests are admitted without being counted',
    async (page, context) => {
      await visitor.reset(context, 'globex');
      await visitor.signIn(page);
      const state = page.locator('section[data-state]');
      await page.getByRole('heading', { name: 'Redis connected' }).waitFor();
      assert.match(await page.getByTestId('since').textContent(), /^since \d\d:\d\d:\d\d/);
      assert.equal(await state.getAttribute('data-state'), 'connected');
      const before = await notCounted(page);

      await redis.stop();
      await page.getByRole('heading', { name: 'Degraded: Redis does not answer' }).waitFor();
      assert.equal(await state.getAttribute('data-state'), 'degraded');
      assert.match(await page.getByTestId('since').textContent(), /^since \d\d:\d\d:\d\d \(\d+ s\)/);
      const answer = await context.request.get('/api/limited?org=globex');
      assert.equal(answer.status(), 200);
      await until('it is shown as not counted', async () => (await notCounted(page)) === before + 1);
      await page.locator('tr[data-id="globex"]').getByText('Unknown').waitFor();
      await judge(page, 'dashboard-degraded');

      await page.getByRole('button', { name: 'Reset Globex' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Reset' }).click();
      await page
        .getByRole('dialog')
        .getByText('ERR_')
        .or(page.getByRole('dialog').getByRole('alert'))
        .waitFor();
      await page.keyboard.press('Escape');

      await page.goto('/');
      await until('the bar says so', async () => (await bar(page).textContent()) === 'Redis is away');
      await page.getByText('Requests are admitted without being counted.').waitFor();
      await judge(page, 'limits-degraded');
    },
    { refusals: [503] },
  );

  await visitor.test('Redis comes back: connected, and counted again', async (page, context) => {
    await redis.start();
    await visitor.signIn(page);
    await page.getByRole('heading', { name: 'Redis connected' }).waitFor();
    const remaining = async () => {
      const response = await context.request.get('/api/limited?org=globex');
      return Number(response.headers()['x-ratelimit-remaining']);
    };
    assert.equal(await remaining(), 99);
    assert.equal(await remaining(), 98);
    assert.equal(redis.cli('GET', 'ratelimit:globex'), '2');
  });
}
