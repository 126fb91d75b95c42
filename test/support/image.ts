import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
} from 'node:fs';
import { readlinkSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { DockerfileParser, type Copy, type Env, type Instruction } from 'dockerfile-ast';
import type { BuiltImage } from './compose';

/** Where this node is, where that is not below /usr. */
const NODE = resolve(process.execPath, '../..');

/** What of this machine stands for the base image: its programs and libraries, read-only. */
const BASE = [
  '/usr',
  '/bin',
  '/sbin',
  '/lib',
  '/lib64',
  '/etc',
  ...(NODE.startsWith('/usr') ? [] : [NODE]),
].filter(existsSync);
const FOLDERS = BASE.filter((path) => !lstatSync(path).isSymbolicLink());

/**
 * Mounts in a namespace of its own, then becomes the command: one process from the beginning to the end, so that a signal for
 * it reaches the command. ROOT is the stage's folder; FOLDERS, BINDS (`from to`, a line each) and READ_ONLY say what it sees.
 */
const ENTER = `
set -e
mount --bind "$ROOT" "$ROOT"
for path in $FOLDERS; do
  mount --rbind "$path" "$ROOT$path"
  mount -o remount,bind,ro "$ROOT$path" || true
done
mount --rbind /dev "$ROOT/dev"
mount --rbind /proc "$ROOT/proc"
mount -t tmpfs -o mode=1777 tmpfs "$ROOT/tmp"
while read -r from to; do
  if [ -n "$from" ]; then mkdir -p "$ROOT$to"; mount --bind "$from" "$ROOT$to"; fi
done << END
$BINDS
END
if [ -n "$READ_ONLY" ]; then mount -o remount,bind,ro "$ROOT"; fi
unset FOLDERS BINDS READ_ONLY
exec chroot "$ROOT" sh -c 'cd "$WORKDIR"; unset ROOT WORKDIR; exec "$@"' sh "$@"
`;

/** Where a stage is after its last instruction. */
interface Stage {
  folder: string;
  workdir: string;
  env: Record<string, string>;
  user: string;
  healthcheck: string[];
  entrypoint: string[];
  cmd: string[];
}

/**
 * A Dockerfile built without an engine. Each stage is a folder, which is the root of what runs in it: paths, users and rights
 * are those of the file, and the context is that of its .dockerignore. Of this machine are the programs of the base image, its
 * kernel and its network; so lines that install packages of the system are left out, and are in `skipped`.
 */
export class ImageBuild {
  readonly skipped: string[] = [];
  private readonly folder = mkdtempSync(join(tmpdir(), 'spillway-image-'));
  private readonly stages = new Map<string, Stage>();

  private constructor(
    private readonly file: string,
    private readonly context: string,
  ) {}

  static async of(file: string, context: string): Promise<ImageBuild> {
    const build = new ImageBuild(file, context);
    try {
      for (const step of DockerfileParser.parse(readFileSync(file, 'utf8')).getInstructions())
        await build.take(step);
      return build;
    } catch (reason) {
      build.close();
      throw reason;
    }
  }

  image(name: string): Image {
    const stage = this.stages.get(name);
    if (stage === undefined) throw new Error(`there is no stage ${name}`);
    return new Image(stage);
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async take(step: Instruction): Promise<void> {
    const keyword = step.getKeyword();
    const words = step.getArguments().map((argument) => argument.getValue());
    const content = step.getArgumentsContent() ?? '';
    if (keyword === 'FROM') return this.begin(words[2] ?? `${this.stages.size}`);
    const stage = [...this.stages.values()].at(-1);
    if (keyword === 'ARG' || keyword === 'EXPOSE' || stage === undefined) return;
    if (keyword === 'WORKDIR') {
      stage.workdir = resolve(stage.workdir, content);
      mkdirSync(join(stage.folder, stage.workdir), { recursive: true });
    } else if (keyword === 'ENV') {
      for (const one of (step as Env).getProperties()) stage.env[one.getName()] = one.getValue() ?? '';
    } else if (keyword === 'COPY')
      this.copy(stage, (step as Copy).getFromFlag()?.getValue() ?? undefined, words);
    else if (keyword === 'USER') stage.user = content;
    else if (keyword === 'HEALTHCHECK')
      stage.healthcheck = JSON.parse(content.replace(/^CMD /, '')) as string[];
    else if (keyword === 'ENTRYPOINT') stage.entrypoint = JSON.parse(content) as string[];
    else if (keyword === 'CMD') stage.cmd = JSON.parse(content) as string[];
    else if (keyword === 'RUN') await this.run(stage, content);
    else throw new Error(`${keyword} is not played`);
  }

  private begin(name: string): void {
    const folder = join(this.folder, name);
    for (const part of ['', 'tmp', 'dev', 'proc', 'root']) mkdirSync(join(folder, part), { recursive: true });
    chmodSync(folder, 0o755);
    for (const path of BASE) {
      if (lstatSync(path).isSymbolicLink()) symlinkSync(readlinkSync(path), join(folder, path));
      else mkdirSync(join(folder, path), { recursive: true });
    }
    const nothing = { healthcheck: [], entrypoint: [], cmd: [] };
    this.stages.set(name, { folder, workdir: '/', env: {}, user: '0', ...nothing });
  }

  /** As Docker does: of a folder what is in it, and into a folder where the target ends with a slash. */
  private copy(stage: Stage, from: string | undefined, words: readonly string[]): void {
    const sources = words.slice(0, -1);
    const target = words.at(-1) ?? '';
    const root = from === undefined ? this.context : this.stages.get(from)?.folder;
    if (root === undefined) throw new Error(`COPY --from=${from}: there is no such stage`);
    const isOut = from === undefined ? ignoredBy(`${this.file}.dockerignore`) : () => false;
    const into = join(stage.folder, resolve(stage.workdir, target));
    for (const source of sources) {
      const path = join(root, source);
      const isFolder = statSync(path).isDirectory();
      const to = !isFolder && /(^|\/)\.?$/.test(target) ? join(into, basename(path)) : into;
      mkdirSync(dirname(to), { recursive: true });
      const filter = (name: string) => !isOut(relative(root, name));
      cpSync(path, to, { recursive: true, verbatimSymlinks: true, filter });
    }
  }

  private async run(stage: Stage, line: string): Promise<void> {
    if (/^apt-get /.test(line)) return void this.skipped.push(line);
    const log = join(this.folder, 'log');
    // The registry is that of this machine, and what it has already fetched.
    const ask = (name: string) =>
      spawnSync('npm', ['config', 'get', name], { encoding: 'utf8' }).stdout.trim();
    const cache = ask('cache');
    mkdirSync(cache, { recursive: true });
    const env = {
      ...npmOfThisMachine(ask('registry')),
      ...stage.env,
      HOME: '/root',
      npm_config_cache: '/npm',
    };
    const file = openSync(log, 'w');
    const [command, ...args] = entering(['sh', '-ec', `umask 022; ${line}`]);
    const child = spawn(command!, args, {
      env: { ...env, ...placeOf(stage, [`${cache} /npm`], '') },
      stdio: ['ignore', file, file],
    });
    const [code] = (await once(child, 'exit')) as [number | null];
    if (code !== 0) throw new Error(`RUN ${line}\nended with ${code}:\n${readFileSync(log, 'utf8')}`);
  }
}

/** What runs of an image: nothing of it can be written, and nobody in it is root. */
export class Image implements BuiltImage {
  constructor(private readonly stage: Stage) {}

  get entrypoint(): readonly string[] {
    return this.stage.entrypoint;
  }

  get cmd(): readonly string[] {
    return this.stage.cmd;
  }

  /** @param log its folder is what the container can read beside the image: the secrets of a service */
  spawn(command: readonly string[], env: NodeJS.ProcessEnv, log: string): ChildProcess {
    const file = openSync(log, 'a');
    const folder = dirname(log);
    const [first, ...args] = entering(this.asUser(command));
    return spawn(first!, args, {
      env: { ...this.env(env), ...placeOf(this.stage, [`${folder} ${folder}`], 'yes') },
      stdio: ['ignore', file, file],
    });
  }

  /** Runs a command to its end, as `docker run --read-only` would. */
  run(command: readonly string[], env: NodeJS.ProcessEnv = {}): { code: number | null; said: string } {
    const [first, ...args] = entering(this.asUser(command));
    const ran = spawnSync(first!, args, {
      env: { ...this.env(env), ...placeOf(this.stage, [], 'yes') },
      encoding: 'utf8',
    });
    return { code: ran.status, said: `${ran.stdout}${ran.stderr}` };
  }

  isHealthy(env: NodeJS.ProcessEnv): boolean {
    return this.run(this.stage.healthcheck, env).code === 0;
  }

  private env(given: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
    return { PATH: process.env.PATH, ...this.stage.env, ...given };
  }

  /** Who is root on this machine becomes the image's user and gives up all rights. Others stay who they are. */
  private asUser(command: readonly string[]): string[] {
    if (process.getuid?.() !== 0) return [...command];
    const [uid = '', gid = ''] = this.stage.user.split(':');
    const rights = ['--clear-groups', '--no-new-privs', '--bounding-set=-all', '--inh-caps=-all'];
    return ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, ...rights, ...command];
  }
}

function entering(command: readonly string[]): string[] {
  const user = process.getuid?.() === 0 ? [] : ['--map-root-user'];
  return ['unshare', '--mount', ...user, 'sh', '-c', ENTER, 'sh', ...command];
}

function placeOf(stage: Stage, binds: readonly string[], readOnly: '' | 'yes'): NodeJS.ProcessEnv {
  const { folder, workdir } = stage;
  return {
    ROOT: folder,
    WORKDIR: workdir,
    FOLDERS: FOLDERS.join(' '),
    BINDS: binds.join('\n'),
    READ_ONLY: readOnly,
  };
}

/** Without what npm says to scripts about the package that this process was started from. */
function npmOfThisMachine(registry: string): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^npm_(package|lifecycle|config)/.test(name));
  return { ...Object.fromEntries(own), npm_config_registry: registry, LD_PRELOAD: '' };
}

/** Whether a path of the context is left out, by the last line that is about it or a folder above it. */
function ignoredBy(file: string): (path: string) => boolean {
  const rules = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .map((line) => {
      const pattern = line.replace(/^!/, '').replace(/[.+^${}()|[\]\\]/g, '\\$&');
      const text = pattern.replace(/\*\*\/|\*/g, (star) => (star === '*' ? '[^/]*' : '(?:.*/)?'));
      return { leaves: !line.startsWith('!'), regexp: new RegExp(`^${text}(?:/|$)`) };
    });
  return (path) => rules.findLast(({ regexp }) => regexp.test(path))?.leaves ?? false;
}
