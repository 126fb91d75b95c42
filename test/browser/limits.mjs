// The page with the limit, and the one with the algorithms.
import assert from 'node:assert/strict';
import { countdownSeconds, numberIn, until } from './support.mjs';

const send = (page, count) =>
  page.getByRole('button', { name: `Send ${count} request${count > 1 ? 's' : ''}`, exact: true }).click();
const meter = (page) => page.getByRole('meter', { name: 'Used' });
const used = async (page) => Number(await meter(page).getAttribute('aria-valuenow'));

async function open(visitor, page, context, organization = 'acme') {
  await visitor.reset(context, organization);
  await page.goto('/');
  const name = organization[0].toUpperCase() + organization.slice(1);
  await page.getByRole('radio', { name }).check();
  await page.getByText('The window starts with the next request.').waitFor();
  await until('the plan is known', () => page.getByRole('combobox').isEnabled());
}

export async function limits(visitor) {
  await visitor.test('a limit is used up: ten admitted, then 429 and a countdown', async (page, context) => {
    await open(visitor, page, context);
    await send(page, 20);
    await page.getByText('10 admitted, 10 refused').waitFor();
    await page.getByText('429 Too Many Requests').waitFor();
    await until('the bar is full', async () => (await used(page)) === 10);
    await page.getByText('The limit is used up.').waitFor();

    const wait = page.getByTestId('retry').locator('time');
    const first = await countdownSeconds(wait);
    assert.ok(first >= 1 && first <= 60, `the countdown says ${first} s`);
    await until('the countdown runs', async () => (await countdownSeconds(wait)) <= first - 2);
    const whole = page.getByTestId('indicator').locator('time');
    assert.ok(Math.abs((await countdownSeconds(whole)) - (await countdownSeconds(wait))) <= 1);
  });

  await visitor.test('the indicator warns at 75 and at 90 %', async (page, context) => {
    await open(visitor, page, context);
    const indicator = page.getByTestId('indicator');
    const levels = [];
    for (let n = 1; n <= 10; n++) {
      await send(page, 1);
      await until(`${n} used`, async () => (await used(page)) === n);
      levels.push(await indicator.getAttribute('data-level'));
    }
    assert.deepEqual(levels, [...Array(7).fill('calm'), 'near', 'close', 'full']);
  });

  await visitor.test('the warnings are told', async (page, context) => {
    await open(visitor, page, context);
    const warning = page.getByTestId('indicator').getByRole('status');
    for (let n = 1; n <= 9; n++) {
      await send(page, 1);
      await until(`${n} used`, async () => (await used(page)) === n);
      if (n === 7) assert.equal(await warning.textContent(), '');
      if (n === 8) assert.match(await warning.textContent(), /Three quarters/);
    }
    assert.match(await warning.textContent(), /90 % of the limit is used: 1 request left/);
  });

  await visitor.test('organizations have limits of their own', async (page, context) => {
    await open(visitor, page, context, 'globex');
    await send(page, 20);
    await until('20 used', async () => (await used(page)) === 20);
    await page.getByRole('radio', { name: 'Initech' }).check();
    await until('the other one is shown', async () => (await used(page)) === 0);
    await page.getByRole('list', { name: 'Rules of the plan' }).getByText('1,000 of 1,000 left').waitFor();
    await page.getByRole('radio', { name: 'Globex' }).check();
    await until('the first one again', async () => (await used(page)) === 20);
  });

  await visitor.test('another plan keeps what was used', async (page, context) => {
    await open(visitor, page, context, 'globex');
    await send(page, 20);
    await until('20 used', async () => (await used(page)) === 20);
    await page.getByRole('combobox').selectOption('PRO');
    await page.getByText('980 of 1,000 left').waitFor();
    await page.getByRole('combobox').selectOption('FREE');
    await page.getByText('of 100 left', { exact: true }).waitFor();
    assert.equal(await used(page), 20);
  });

  await visitor.test('each algorithm admits ten of fifteen, and the fixed window ten again', async (page) => {
    await page.goto('/algorithms');
    await page.getByRole('button', { name: 'Send 15 to each' }).click();
    const outcomes = page.getByTestId('outcome');
    await until('all answered', async () => {
      const texts = await outcomes.allTextContents();
      return texts.every((text) => text === '10 admitted, 5 refused');
    });
    const left = page.getByRole('region', { name: 'Fixed window' }).getByText(/\d+ left/);
    assert.equal(await numberIn(left), 0);
    const again = async () => {
      await page.getByRole('button', { name: 'Send 1 to each' }).click();
      return (await numberIn(left)) > 0;
    };
    await until('a new window', again, { everyMs: 500 });
  });

  await visitor.test(
    'a page that is not there says so, in the style of the others',
    async (page) => {
      assert.equal((await page.goto('/nowhere')).status(), 404);
      await page.getByRole('heading', { name: 'There is no such page' }).waitFor();
      await page.getByRole('link', { name: 'To the limits' }).click();
      await page.getByRole('heading', { name: 'A limit being used up' }).waitFor();
    },
    { refusals: [404] },
  );
}
