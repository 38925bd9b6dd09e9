import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, it } from 'vitest'

import { DefinitionArchive } from './definition-archive.js'

const a = '00000000-0000-4000-8000-00000000000a'
const b = '00000000-0000-4000-8000-00000000000b'

it('keeps the newest definitions of each VM, for their owner only', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'headroom-definitions-'))
  let nowMs = 1_300_000_000_000
  try {
    const archive = new DefinitionArchive(join(directory, 'definitions'), () => nowMs)
    const other = await archive.keep(b, '<domain>b</domain>')
    for (let index = 0; index < 8; index += 1) {
      nowMs += 1000
      await archive.keep(a, `<domain>${index}</domain>`)
    }
    const names = (await readdir(join(directory, 'definitions'))).toSorted()
    expect(names.filter((name) => name.startsWith(a))).toHaveLength(5)
    expect(await readFile(join(directory, 'definitions', names[0] ?? ''), 'utf8')).toBe('<domain>3</domain>')
    expect(await readFile(other, 'utf8')).toBe('<domain>b</domain>')
    expect((await stat(other)).mode & 0o777).toBe(0o600)
    await expect(archive.keep('../../etc/x', '')).rejects.toThrow('not the UUID')
    // Asked for again, it is there already.
    const again = await archive.keep(b, '<domain>b</domain>')
    expect(again).toBe(other)
    // What a controller says of VMs to come pushes out nothing of it.
    for (let index = 0; index < 250; index += 1) {
      const id = `${b.slice(0, -3)}${index.toString(16).padStart(3, '0')}`
      await writeFile(join(directory, 'definitions/incoming', `${id}.2011-03-13T070640.000Z.xml`), 'old')
    }
    for (const content of ['first', 'second', 'third']) {
      nowMs += 1000
      await archive.keepIncoming(a, content)
    }
    const incoming = await readdir(join(directory, 'definitions/incoming'))
    expect(incoming).toHaveLength(200)
    expect(incoming.filter((name) => name.startsWith(a))).toHaveLength(1)
    expect((await readdir(join(directory, 'definitions'))).toSorted()).toEqual(names)
    // The clock was ahead, and is set right: what is kept now stays all the same.
    nowMs -= 3_600_000
    const late = await archive.keep(a, '<domain>late</domain>')
    expect(await readFile(late, 'utf8')).toBe('<domain>late</domain>')
    const left = await readdir(join(directory, 'definitions'))
    expect(left.filter((name) => name.startsWith(a))).toHaveLength(5)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
})
