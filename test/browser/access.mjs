// For everybody: by keyboard alone, judged by axe in light and dark, and without sideways scrolling.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { NARROW, PICTURES, WIDE } from './support.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Everything that axe finds to be serious or critical. */
async function seriousFaults(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate('axe.run()');
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`);
}

/** The page as it stands: judged, measured, and kept as a picture. */
export async function judge(page, name) {
  await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true });
  assert.deepEqual(await seriousFaults(page), [], name);
  const tooWide = await page.evaluate('document.documentElement.scrollWidth - window.innerWidth');
  assert.ok(tooWide <= 0, `${name} is ${tooWide} px wider than its window`);
}

const LOOKS = [
  ['wide-light', { viewport: WIDE, colorScheme: 'light' }],
  ['wide-dark', { viewport: WIDE, colorScheme: 'dark' }],
  ['narrow-light', { viewport: NARROW, colorScheme: 'light' }],
  ['narrow-dark', { viewport: NARROW, colorScheme: 'dark' }],
];

export async function looks(visitor) {
  for (const [look, options] of LOOKS) {
    await visitor.test(
      `nothing serious to find: ${look}`,
      async (page, context) => {
        await visitor.reset(context, 'acme');
        await page.goto('/');
        await page.getByText('The window starts with the next request.').waitFor();
        await judge(page, `${look}-limits-unused`);
        await page.getByRole('button', { name: 'Send 20 requests' }).click();
        await page.getByText('The limit is used up.').waitFor();
        await judge(page, `${look}-limits-used-up`);

        await page.goto('/algorithms');
        await page.getByRole('button', { name: 'Send 15 to each' }).click();
        await page.getByText('refused').nth(3).waitFor();
        await judge(page, `${look}-algorithms`);

        await context.clearCookies();
        await page.goto('/admin/login');
        await page.getByRole('button', { name: 'Sign in' }).waitFor();
        await judge(page, `${look}-login`);
        await visitor.signIn(page);
        await page.getByText('at its limit').first().waitFor();
        await page
          .getByRole('img', { name: /Decisions by the hour/ })
          .locator('canvas')
          .waitFor();
        await page.getByText('As a table').click();
        await judge(page, `${look}-dashboard`);
        await page.goto('/admin#/find/acme');
        await page.getByText(/\d found/).waitFor();
        await judge(page, `${look}-search`);
        await page.goto('/admin#/subject/acme');
        await page.getByText('at its limit').first().waitFor();
        await judge(page, `${look}-subject`);
        await page.getByRole('button', { name: 'Block acme' }).click();
        await page.getByRole('dialog').waitFor();
        await judge(page, `${look}-dialog`);
      },
      options,
    );
  }
}

/** Presses Tab until something is focused that matches; whatever is passed on the way has to show its focus. */
async function tabTo(page, selector) {
  for (let presses = 0; presses < 40; presses++) {
    await page.keyboard.press('Tab');
    const seen = await page.evaluate(`(() => {
      const focused = document.activeElement;
      const shown = focused.matches('input[type=radio]') ? focused.nextElementSibling : focused;
      const outline = getComputedStyle(shown);
      return {
        isIt: focused.matches(${JSON.stringify(selector)}),
        isPage: focused === document.body,
        what: focused.outerHTML.slice(0, 120),
        visible: outline.outlineStyle !== 'none' && parseFloat(outline.outlineWidth) >= 2,
      };
    })()`);
    if (!seen.isPage) assert.ok(seen.visible, `no focus to be seen on ${seen.what}`);
    if (seen.isIt) return;
  }
  throw new Error(`Tab does not reach ${selector}`);
}

export async function keyboard(visitor) {
  await visitor.test('by keyboard: choose an organization and use its limit up', async (page, context) => {
    await visitor.reset(context, 'acme', 'umbrella');
    await page.goto('/');
    await page.getByText('The window starts with the next request.').waitFor();
    await tabTo(page, 'input[type=radio]');
    await page.keyboard.press('ArrowLeft');
    await page.getByText('of 10,000 left', { exact: true }).waitFor();
    await page.keyboard.press('ArrowRight');
    await page.getByText('of 10 left', { exact: true }).waitFor();
    await tabTo(page, 'button.primary');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.getByText('10 admitted, 10 refused').waitFor();
    await tabTo(page, 'pre');
  });

  await visitor.test('by keyboard: sign in, search, lift, sign out', async (page, context) => {
    await visitor.reset(context, 'acme');
    await context.request.get('/api/limited?org=acme');
    await context.clearCookies();
    await page.goto('/admin');
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await page.keyboard.type(visitor.password);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Limited now' }).waitFor();

    await tabTo(page, 'input[type=search]');
    await page.keyboard.type('acme');
    await page.keyboard.press('Enter');
    await page.getByText(/\d found/).waitFor();
    await tabTo(page, 'button[aria-label="Lift acme"]');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    assert.equal(await page.evaluate("document.activeElement.closest('dialog') !== null"), true);
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    const back = await page.evaluate("document.activeElement.getAttribute('aria-label')");
    assert.equal(back, 'Lift acme');

    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await tabTo(page, 'dialog button.primary');
    await page.keyboard.press('Enter');
    await page.getByText('acme has the whole limit again.').waitFor();

    await page.goto('/admin/login');
    await tabTo(page, 'main button');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  });
}
