import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { filesBelow, makePackageTree, shells, textAt, traceOf, type PackageTree } from '../support/package-tree.js'

let tree: PackageTree

beforeEach(async () => {
  tree = await makePackageTree()
  // Whatever systemd this machine has.
  await tree.pretend('systemctl', 'echo "systemd 252 (252.1)"')
})
afterEach(() => tree.remove())

const library = '/usr/local/lib/headroom/'
const controllerFiles = {
  '/etc/headroom/controller.yaml': '644',
  '/etc/headroom/policy.yaml': '644',
  '/etc/systemd/system/headroom-controller.service': '644',
  '/etc/sysusers.d/headroom-controller.conf': '644',
  '/usr/local/bin/headroom': '755',
  '/usr/local/bin/headroom-controller': '755',
}
const agentFiles = {
  '/etc/headroom/agent.yaml': '644',
  '/etc/systemd/system/headroom-agent.service': '644',
  '/etc/sysusers.d/headroom-agent.conf': '644',
  '/usr/local/bin/headroom-agent': '755',
}

async function besideTheLibrary(): Promise<Record<string, string>> {
  const files = Object.entries(await filesBelow(tree.root))
  return Object.fromEntries(files.filter(([path]) => !path.startsWith(library)))
}

describe.each(shells)('under $name', ({ words: shell }) => {
  const install = (...args: string[]) => tree.run(shell, 'install.sh', args)
  const uninstall = (...args: string[]) => tree.run(shell, 'uninstall.sh', args)

  test.each([
    { roles: ['--controller', '--agent'], files: { ...controllerFiles, ...agentFiles } },
    { roles: ['--controller'], files: controllerFiles },
    { roles: ['--agent'], files: agentFiles },
  ])('installs $roles: these files with these modes, and the package', async ({ roles, files }) => {
    expect(await install(...roles)).toMatchObject({ code: 0, stderr: '' })
    expect(await besideTheLibrary()).toEqual(files)
  })

  test('the package is what runs, and nothing that only its development needs', async () => {
    await install('--agent')
    const installed = await filesBelow(join(tree.root, library))
    expect(installed).toMatchObject({
      '/package.json': '644',
      '/dist/agent/main.js': '644',
      '/dist/web/index.html': '644',
      '/docs/install.md': '644',
      '/deploy/uninstall.sh': '755',
      '/deploy/config/agent.yaml': '644',
      '/deploy/fleets/elab.yaml': '644',
      '/deploy/remote/headroom-reader.sh': '755',
    })
    expect(Object.keys(installed).filter((path) => path.startsWith('/node_modules/'))).toEqual([
      '/node_modules/.package-lock.json',
      '/node_modules/@scope/needed/index.js',
      '/node_modules/needed-or-for-tests/index.js',
      '/node_modules/needed/index.js',
      '/node_modules/needed/node_modules/inner/index.js',
    ])
    expect(Object.keys(installed).filter((path) => path.endsWith('.ts'))).toEqual([])
  })

  test('a second run changes nothing and says so', async () => {
    await install('--controller', '--agent', '--drop-in', 'proc-io')
    const before = await traceOf(tree.root)
    const { code, stdout } = await install('--controller', '--agent', '--drop-in', 'proc-io')
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'Nothing to change.\n' })
    expect(await traceOf(tree.root)).toEqual(before)
  })

  test('an upgrade takes what is installed, replaces the package whole and the samples nobody edited', async () => {
    await install('--controller')
    await writeFile(join(tree.root, 'etc/headroom/policy.yaml'), 'limits: { vmMemory: 2GiB }\n')
    await rm(join(tree.source, 'dist/web/index.html'))
    await tree.write('dist/web/new.html', '')
    await tree.write('deploy/config/controller.yaml', 'data: /srv\n')
    await tree.write('deploy/config/policy.yaml', '# new\n')
    expect((await install()).stdout).toBe(
      [
        'installed /etc/headroom/controller.yaml',
        'kept /etc/headroom/policy.yaml, which was edited',
        'installed /usr/local/lib/headroom\n',
      ].join('\n'),
    )
    expect(await readdir(join(tree.root, library, 'dist/web'))).toEqual(['new.html'])
    expect(await textAt(tree.root, 'etc/headroom/controller.yaml')).toBe('data: /srv\n')
    expect(await textAt(tree.root, 'etc/headroom/policy.yaml')).toContain('2GiB')
    expect(await filesBelow(tree.root)).not.toHaveProperty(['/usr/local/bin/headroom-agent'])
  })

  test('a package that is put together again after an interruption is whole', async () => {
    await install('--agent')
    await mkdir(join(tree.root, '/usr/local/lib/headroom.new/left'), { recursive: true })
    await mkdir(join(tree.root, '/usr/local/lib/headroom.old/left'), { recursive: true })
    await install('--agent')
    expect(await readdir(join(tree.root, 'usr/local/lib'))).toEqual(['headroom'])
    expect(await readdir(join(tree.root, library))).not.toContain('left')
  })

  test('another prefix is in the units and the programs, and goes with them', async () => {
    await install('--controller', '--agent', '--prefix', '/opt/headroom/')
    expect(await textAt(tree.root, 'etc/systemd/system/headroom-agent.service')).toContain(
      '\nExecStart=/opt/headroom/bin/headroom-agent --config /etc/headroom/agent.yaml\n',
    )
    const texts = ['headroom', 'headroom-agent', 'headroom-controller'].map((name) =>
      textAt(tree.root, `opt/headroom/bin/${name}`),
    )
    expect((await Promise.all(texts)).join('')).not.toContain('/usr/local')
    await uninstall('--prefix=/opt/headroom')
    expect(await filesBelow(tree.root)).toEqual({})
    expect(await readdir(join(tree.root, 'opt'))).toEqual([])
  })

  test('brings a Node along, and keeps it', async () => {
    await install('--agent', `--node=${process.execPath}`)
    const programs = await textAt(tree.root, 'usr/local/bin/headroom-agent')
    expect(programs).toContain("HEADROOM_NODE='/usr/local/lib/headroom/bin/node'\n")
    expect(await filesBelow(tree.root)).toMatchObject({ [`${library}bin/node`]: '755' })
    expect((await install('--agent')).stdout).toBe('Nothing to change.\n')
  })

  test('drop-ins are put where they are asked for, and stay', async () => {
    await install('--agent', '--drop-in', 'proc-io')
    const places = '/etc/systemd/system/headroom-agent.service.d'
    expect(await readdir(join(tree.root, places))).toEqual(['proc-io.conf'])
    // systemd was upgraded meanwhile: one that knows how to wait longer each time.
    await tree.pretend('systemctl', 'echo "systemd 257 (257.4)"')
    await install('--controller', '--agent')
    expect(await readdir(join(tree.root, places))).toEqual(['proc-io.conf', 'restart-backoff.conf'])
    expect(await readdir(join(tree.root, '/etc/systemd/system/headroom-controller.service.d'))).toEqual([
      'restart-backoff.conf',
    ])
    await uninstall()
    expect(await filesBelow(tree.root)).toEqual({})
    expect(await readdir(join(tree.root, '/etc/systemd/system'))).toEqual([])
  })

  test('a dry run names what goes, in that order, and touches nothing', async () => {
    await install('--controller', '--agent', '--drop-in', 'proc-io')
    const before = await traceOf(tree.root)
    const { code, stdout } = await uninstall('--dry-run')
    expect(await traceOf(tree.root)).toEqual(before)
    const done = await uninstall()
    expect([code, done.code]).toEqual([0, 0])
    expect(stdout.replaceAll('would remove', 'removed')).toBe(done.stdout)
    const files = Object.keys({ ...controllerFiles, ...agentFiles })
    expect(done.stdout.split('\n').toSorted()).toEqual(
      ['', ...files, '/etc/systemd/system/headroom-agent.service.d/proc-io.conf', library.slice(0, -1)]
        .map((path) => (path === '' ? '' : `removed ${path}`))
        .toSorted(),
    )
    expect((await uninstall('--dry-run', '--purge')).stdout).toBe('')
  })

  test('the services tell where the programs are', async () => {
    await install('--controller', '--prefix=/opt/headroom')
    await uninstall()
    expect(await filesBelow(tree.root)).toEqual({})
  })

  test('what bears its names and is something else stays', async () => {
    const others = {
      'usr/local/bin/headroom': '#!/bin/sh\necho another program\n',
      'usr/local/lib/headroom/package.json': '{ "name": "another" }\n',
    }
    for (const [path, text] of Object.entries(others)) {
      await mkdir(join(tree.root, path, '..'), { recursive: true })
      await writeFile(join(tree.root, path), text)
    }
    const { code, stdout } = await uninstall('--purge')
    expect([code, stdout]).toEqual([
      0,
      'kept /usr/local/bin/headroom, which runs something else\nkept /usr/local/lib/headroom, which is something else\n',
    ])
    expect(await besideTheLibrary()).toEqual({ '/usr/local/bin/headroom': '644' })
    const unit = 'etc/systemd/system/headroom-agent.service'
    await mkdir(join(tree.root, unit, '..'), { recursive: true })
    await writeFile(join(tree.root, unit), '[Service]\nExecStart=/usr/bin/another\n')
    const refused = await uninstall('--purge')
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringContaining('does not run /usr/local/bin/headroom-agent'),
    ])
    expect(await filesBelow(tree.root)).toHaveProperty([`/${unit}`])
  })

  test('broken off between the programs and the package it goes on', async () => {
    await install('--controller')
    await rm(join(tree.root, 'etc/systemd/system/headroom-controller.service'))
    await rm(join(tree.root, library, 'dist'), { recursive: true })
    await uninstall()
    expect(await filesBelow(tree.root)).toEqual({})
  })

  test('uninstalling one leaves the other', async () => {
    await install('--controller', '--agent')
    await uninstall('--agent')
    expect(await besideTheLibrary()).toEqual(controllerFiles)
    expect(await filesBelow(tree.root)).toHaveProperty([`${library}dist/controller/main.js`])
  })

  test('uninstalling leaves state and what was edited; with --purge nothing', async () => {
    await install('--controller', '--agent')
    const state = ['var/lib/headroom/controller/ca.json', 'var/lib/headroom-agent/identity.json']
    for (const path of state) {
      await mkdir(join(tree.root, path, '..'), { recursive: true })
      await writeFile(join(tree.root, path), '{}')
    }
    const edited = 'etc/headroom/agent.yaml'
    await writeFile(join(tree.root, edited), 'name: mine\n')
    const own = 'etc/systemd/system/headroom-agent.service.d/override.conf'
    await mkdir(join(tree.root, own, '..'), { recursive: true })
    await writeFile(join(tree.root, own), '[Service]\n')

    expect(await uninstall()).toMatchObject({ code: 0, stderr: '' })
    expect(Object.keys(await filesBelow(tree.root)).toSorted()).toEqual(
      [edited, own, ...state].map((path) => `/${path}`).toSorted(),
    )
    expect(await uninstall('--purge')).toMatchObject({ code: 0, stderr: '' })
    expect(await filesBelow(tree.root)).toEqual({})
    expect(await readdir(join(tree.root, 'etc'))).not.toContain('headroom')
    expect(await readdir(join(tree.root, 'var/lib'))).toEqual([])
    expect(await uninstall('--purge')).toMatchObject({ code: 0, stdout: '', stderr: '' })
  })
})
