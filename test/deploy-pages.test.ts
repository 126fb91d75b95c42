/** What the pages about deploying say to type: commands and options that there are, files that are there, links that lead on. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PAGES } from './support/pages';
import { ROOT } from './support/process';

const CLI = join(ROOT, 'dist/cli/bin.js');
const pageText = (page: string) => readFileSync(join(ROOT, page), 'utf8');

/** Each use of the command line: its command, and the options that follow it. */
const uses = PAGES.flatMap((page) =>
  [...pageText(page).matchAll(/npx spillway ([a-z]+)((?:(?![`|\n#]).)*)/g)].map(
    ([, command = '', rest = '']) => ({
      place: `${page}: ${command}${rest}`,
      command,
      options: rest.match(/(?<=\s)--?[a-z][a-z-]*/g) ?? [],
    }),
  ),
);

test('commands and options that the pages name are there', () => {
  const commands = [...new Set(uses.map(({ command }) => command))].filter((command) => command !== 'serve');
  expect(commands.length).toBeGreaterThan(8);
  const help = Object.fromEntries(
    commands.map((command) => [
      command,
      execFileSync(process.execPath, [CLI, command, '--help'], { encoding: 'utf8' }),
    ]),
  );
  const wrong = uses.filter(({ command, options }) => {
    const said = help[command];
    return said !== undefined && options.some((option) => !new RegExp(`(^|[\\s,])${option}\\b`).test(said));
  });
  expect(wrong.map(({ place }) => place)).toEqual([]);
}, 60_000);

/** As GitHub makes them of headings. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replace(/\s/g, '-');

test('links lead to files and headings that are there', () => {
  const broken = PAGES.flatMap((page) => {
    const text = pageText(page).replace(/```[^]*?```/g, '');
    return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !/^https?:/.test(target))
      .filter((target) => {
        const [path = '', anchor] = target.split('#');
        const file = path === '' ? page : join(dirname(page), path);
        if (!existsSync(join(ROOT, file))) return true;
        if (anchor === undefined || !file.endsWith('.md')) return false;
        const headings = [...pageText(file).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => heading);
        return !headings.some((heading) => anchorOf(heading) === anchor);
      })
      .map((target) => `${page}: ${target}`);
  });
  expect(broken).toEqual([]);
});
