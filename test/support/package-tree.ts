import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'

const deploy = resolve(import.meta.dirname, '../../deploy')
const launcherOf = (program: string): string => resolve(import.meta.dirname, '../..', program, 'run.sh')

/** What a script said and how it ended. */
export interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** A shell and its first words. */
export type ShellWords = readonly [string, ...string[]]

/** Shells that the scripts have to run under. */
export const shells: readonly { readonly name: string; readonly words: ShellWords }[] = [
  { name: 'dash', words: ['dash'] },
  { name: 'busybox sh', words: ['busybox', 'sh'] },
]

/** A headroom as it lies there after npm, made up and tiny: with the real scripts, samples and units. */
export interface PackageTree {
  /** The package. */
  readonly source: string
  /** DESTDIR: an empty root. */
  readonly root: string
  /** Runs a script of the package's `deploy/` below the root; another root may be given, never this machine's own. */
  run(shell: ShellWords, script: string, args: readonly string[], destdir?: string): Promise<Ended>
  /** Puts a program of this name before all others on the PATH of later runs. */
  pretend(program: string, shellText: string): Promise<void>
  write(path: string, text: string): Promise<void>
  remove(): Promise<void>
}

export async function makePackageTree(): Promise<PackageTree> {
  const base = await mkdtemp(join(tmpdir(), 'headroom-install-'))
  const source = join(base, 'source')
  const write = async (path: string, text: string): Promise<void> => {
    const file = join(source, path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, text)
  }
  await mkdir(join(base, 'programs'), { recursive: true })
  await mkdir(join(base, 'root'))
  await cp(deploy, join(source, 'deploy'), { recursive: true })
  await write('package.json', JSON.stringify({ name: 'headroom', version: '1.0.0', engines: { node: '>=20.19' } }))
  for (const file of ['README.md', 'LICENSE', 'docs/install.md', 'docs/images/x.png', 'dist/web/index.html'])
    await write(file, `${file}\n`)
  for (const program of ['controller/main.js', 'controller/cli/main.js', 'agent/main.js']) {
    await write(`dist/${program}`, saysHowItWasCalled)
  }
  for (const program of ['agent', 'controller']) await cp(launcherOf(program), join(source, 'dist', program, 'run.sh'))
  await write('test/of-the-checkout.ts', '')
  const modules = {
    'node_modules/needed': {},
    'node_modules/needed/node_modules/inner': {},
    'node_modules/@scope/needed': {},
    'node_modules/for-tests': { dev: true },
    'node_modules/for-tests/node_modules/inner': { dev: true },
    'node_modules/needed-or-for-tests': { devOptional: true },
  }
  for (const path of Object.keys(modules)) await write(`${path}/index.js`, '')
  const absent = { 'node_modules/of-another-system': { optional: true } }
  await write('node_modules/.package-lock.json', JSON.stringify({ packages: { ...modules, ...absent } }))

  const root = join(base, 'root')
  return {
    source,
    root,
    run: (shell, script, args, destdir = root) => {
      if (destdir === '' || resolve(destdir) === '/') throw new Error('this would install on this machine')
      const [program, ...words] = shell
      const path = `${join(base, 'programs')}:${process.env['PATH'] ?? ''}`
      return execute(program, [...words, join(source, 'deploy', script), ...args], { PATH: path, DESTDIR: destdir })
    },
    pretend: (program, text) => writeFile(join(base, 'programs', program), `#!/bin/sh\n${text}\n`, { mode: 0o755 }),
    write,
    remove: () => rm(base, { recursive: true, force: true }),
  }
}

const saysHowItWasCalled =
  'console.log(JSON.stringify({ words: process.argv.slice(2), data: process.env.HEADROOM_DATA }))\n'

/** Never rejects for the program's own failure. */
export function execute(
  program: string,
  args: readonly string[],
  env: Record<string, string>,
  cwd = tmpdir(),
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    execFile(program, [...args], { env, cwd, encoding: 'utf8', timeout: 60_000 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code
      if (typeof code === 'number') resolve({ code, stdout, stderr })
      else reject(error ?? new Error(`${program} ended without a code`))
    })
  })
}

/** Every file below a directory, `/`-rooted, with its mode in octal. */
export async function filesBelow(root: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {}
  for (const path of await pathsBelow(root)) {
    const found = await stat(join(root, path))
    if (found.isFile()) files[`/${path}`] = (found.mode & 0o7777).toString(8)
  }
  return files
}

/** Whatever would tell that a path was touched: inode, mode, times of what it holds. */
export async function traceOf(root: string): Promise<Record<string, string>> {
  const traces: Record<string, string> = {}
  for (const path of await pathsBelow(root)) {
    const { ino, mode, mtimeMs } = await stat(join(root, path))
    // Names come and go in a directory while it is compared; what it is stays.
    traces[path] = `${ino} ${mode.toString(8)} ${(mode & 0o170000) === 0o40000 ? '' : mtimeMs}`
  }
  return traces
}

async function pathsBelow(root: string): Promise<string[]> {
  return (await readdir(root, { recursive: true })).toSorted()
}

/** The text of an installed file. */
export function textAt(root: string, path: string): Promise<string> {
  return readFile(join(root, path), 'utf8')
}
