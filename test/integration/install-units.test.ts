import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { execute } from '../support/package-tree.js'

const systemd = resolve(import.meta.dirname, '../../deploy/systemd')
const env = { PATH: process.env['PATH'] ?? '', SYSTEMD_COLORS: '0' }

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'headroom-units-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

/** Puts the unit, with these drop-ins, where the programs need not be installed for it to be right. */
async function unitAt(name: string, dropIns: readonly string[] = []): Promise<string> {
  const file = join(directory, `${name}.service`)
  await writeFile(file, (await unitText(name)).replace('=/usr/local/bin/headroom-', '=/bin/true '))
  await mkdir(`${file}.d`)
  for (const dropIn of dropIns)
    await cp(join(systemd, 'optional', `${dropIn}.conf`), join(`${file}.d`, `${dropIn}.conf`))
  return file
}

function unitText(name: string): Promise<string> {
  return readFile(join(systemd, `${name}.service`), 'utf8')
}

const verify = (file: string): string[] => ['verify', '--man=no', '--recursive-errors=no', file]

/** The setting's values in order; a comment is none. */
function valuesOf(text: string, setting: string): string[] {
  return [...text.matchAll(new RegExp(`^${setting}=(.*)$`, 'gm'))].map(([, value = '']) => value)
}

const units = [
  { name: 'headroom-controller', dropIns: [], exposure: 1.5 },
  { name: 'headroom-agent', dropIns: [], exposure: 2 },
  { name: 'headroom-agent', dropIns: ['libvirt-group'], exposure: 2 },
  { name: 'headroom-agent', dropIns: ['proc-io'], exposure: 2.6 },
]

test.each(units)('systemd understands all of $name with $dropIns', async ({ name, dropIns }) => {
  const file = await unitAt(name, dropIns)
  expect(await execute('systemd-analyze', verify(file), env)).toEqual({
    code: 0,
    stdout: '',
    stderr: '',
  })
})

test.each(units)('$name with $dropIns is exposed by no more than $exposure of 10', async (unit) => {
  const file = await unitAt(unit.name, unit.dropIns)
  const args = ['security', '--offline=yes', '--no-pager', `--threshold=${unit.exposure * 10}`, file]
  const { code, stdout } = await execute('systemd-analyze', args, env)
  expect(code, stdout.split('\n').at(-2)).toBe(0)
})

test('these checks see a word that systemd does not know, and what is open', async () => {
  const file = await unitAt('headroom-agent')
  await writeFile(file, (await readFile(file, 'utf8')).replaceAll(/^(Protect|Restrict|System)/gm, 'No$1'))
  expect(await execute('systemd-analyze', verify(file), env)).toMatchObject({ code: 1 })
  const args = ['security', '--offline=yes', '--no-pager', '--threshold=25', file]
  expect(await execute('systemd-analyze', args, env)).toMatchObject({ code: 1 })
})

const both = ['headroom-controller', 'headroom-agent']

test.each(both)('%s: what it prints at its start, a login link perhaps, does not reach the journal', async (name) => {
  expect(valuesOf(await unitText(name), 'StandardOutput')).toEqual(['null'])
})

test.each(both)('%s does not ask for what Node cannot live with', async (name) => {
  expect(valuesOf(await unitText(name), 'MemoryDenyWriteExecute')).toEqual([])
})

test.each(both)('%s runs as the user that sysusers makes, with the state directory that is its home', async (name) => {
  const text = await unitText(name)
  const [user = ''] = valuesOf(text, 'User')
  const [state = ''] = valuesOf(text, 'StateDirectory')
  const users = await readFile(join(systemd, `sysusers-${name.replace('headroom-', '')}.conf`), 'utf8')
  expect(users).toMatch(new RegExp(`^u ${user} - "[^"]+" /var/lib/${state}$`, 'm'))
})

test('the controller is started when it says that it is ready, by a child', async () => {
  const text = await unitText('headroom-controller')
  expect([valuesOf(text, 'Type'), valuesOf(text, 'NotifyAccess')]).toEqual([['notify'], ['all']])
})

test('headroom-agent may have the tasks of ssh for a hundred hosts', async () => {
  const [most] = valuesOf(await unitText('headroom-agent'), 'TasksMax')
  expect(Number(most)).toBeGreaterThan(100 * 6)
})

test.each(both)('%s has a bound for memory, processor, tasks, files and the time to stop', async (name) => {
  const text = await unitText(name)
  for (const setting of ['MemoryMax', 'CPUQuota', 'TasksMax', 'LimitNOFILE', 'TimeoutStopSec']) {
    expect(valuesOf(text, setting), setting).toHaveLength(1)
  }
})
