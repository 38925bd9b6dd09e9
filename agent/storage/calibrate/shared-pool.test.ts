import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { afterEach, beforeEach, expect, it } from 'vitest'

import { sharedPoolOf } from './shared-pool.js'

/** Hand-written after what LVM makes: a thin volume lies on the pool's `-tpool`, which lies on its data and metadata. */
let sys: string
beforeEach(() => {
  sys = mkdtempSync(join(tmpdir(), 'headroom-sys-'))
})
afterEach(() => rmSync(sys, { recursive: true }))

function device(name: string, number: string, below: readonly string[], dm?: { name: string; uuid: string }): void {
  const at = join(sys, 'block', name)
  mkdirSync(join(at, 'slaves'), { recursive: true })
  for (const other of below) symlinkSync(join('../..', other), join(at, 'slaves', other))
  if (dm !== undefined) {
    mkdirSync(join(at, 'dm'))
    writeFileSync(join(at, 'dm/name'), `${dm.name}\n`)
    writeFileSync(join(at, 'dm/uuid'), `${dm.uuid}\n`)
  }
  const link = join(sys, 'dev/block', number)
  mkdirSync(dirname(link), { recursive: true })
  symlinkSync(join('../../block', name), link)
}

const id = 'A'.repeat(64)
const number = (major: number, minor: number): number => major * 256 + (minor % 256) + Math.floor(minor / 256) * 2 ** 20

it('finds the pool under a thin volume, also under what lies on one', () => {
  device('sda', '8:0', [])
  device('dm-0', '254:0', ['sda'], { name: 'vg-pool_tdata', uuid: `LVM-${id}-tdata` })
  device('dm-1', '254:1', ['dm-0'], { name: 'vg-pool-tpool', uuid: `LVM-${id}-tpool` })
  device('dm-300', '254:300', ['dm-1'], { name: 'vg-thin', uuid: `LVM-${id}` })
  device('dm-4', '254:4', ['dm-300'], { name: 'crypt', uuid: 'CRYPT-LUKS2-x-crypt' })
  device('dm-5', '254:5', ['sda'], { name: 'vg-plain', uuid: `LVM-${id}` })
  expect(sharedPoolOf(number(254, 300), sys)).toBe('vg-pool-tpool')
  expect(sharedPoolOf(number(254, 4), sys)).toBe('vg-pool-tpool')
  expect(sharedPoolOf(number(254, 5), sys)).toBeUndefined()
  expect(sharedPoolOf(number(8, 0), sys)).toBeUndefined()
  expect(sharedPoolOf(number(9, 9), sys)).toBeUndefined()
})
