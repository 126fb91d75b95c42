// What is newer than what: the scripts skip whatever is up to date.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** The newest change, in ms, below these paths. Folders count too: a deleted file changes its folder. */
export function newest(paths, skip = []) {
  let latest = 0;
  for (const path of paths) {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (!stat) continue;
    latest = Math.max(latest, stat.mtimeMs);
    if (!stat.isDirectory()) continue;
    const inside = readdirSync(path).filter((name) => !skip.includes(name));
    latest = Math.max(
      latest,
      newest(
        inside.map((name) => join(path, name)),
        skip,
      ),
    );
  }
  return latest;
}

/** True when `output` exists and nothing below `inputs` is newer. */
export function isFresh(output, inputs, skip) {
  return existsSync(output) && statSync(output).mtimeMs >= newest(inputs, skip);
}
