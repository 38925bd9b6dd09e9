import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'

import type { DiskRaw } from '../hypervisor.js'
import { DiskBooks } from './disk-books.js'
import type { ProcessIo } from './qemu-process.js'

/** A VM with two disks: what its disks have counted, and what the kernel has for its process. */
class FakeVm {
  readonly done = new Map([
    ['vda', { readBytes: 0, writeBytes: 0 }],
    ['vdb', { readBytes: 0, writeBytes: 0 }],
  ])
  /** Of QEMU's own: loading the guest's firmware, its log. */
  own = 12_345
  underWay: { target: string; bytes: number }[] = []
  isVisible = true
  asked: string[] = []

  io(): ProcessIo | undefined {
    if (!this.isVisible) return undefined
    const disks = [...this.done.values()]
    const written = disks.reduce((total, { writeBytes }) => total + writeBytes, 0)
    const submitted = this.underWay.reduce((total, { bytes }) => total + bytes, 0)
    return {
      readBytes: BigInt(disks.reduce((total, { readBytes }) => total + readBytes, this.own)),
      writeBytes: BigInt(written + submitted),
      callBytes: 0n,
      calls: 0n,
    }
  }

  submit(target: string, bytes: number): void {
    this.underWay.push({ target, bytes })
  }

  complete(): void {
    for (const { target, bytes } of this.underWay.splice(0)) this.write(target, bytes)
  }

  write(target: string, bytes: number): void {
    const before = this.done.get(target) ?? { readBytes: 0, writeBytes: 0 }
    this.done.set(target, { ...before, writeBytes: before.writeBytes + bytes })
  }

  ask(target: string): DiskRaw {
    this.asked.push(target)
    return { target, ...(this.done.get(target) ?? { readBytes: 0, writeBytes: 0 }) }
  }

  truth(): DiskRaw[] {
    return [...this.done].map(([target, counted]) => ({ target, ...counted }))
  }
}

let books: DiskBooks
let vm: FakeVm
beforeEach(() => {
  books = new DiskBooks()
  vm = new FakeVm()
})

interface Pass {
  readonly onlyMoved?: boolean
  readonly isCounted?: boolean
  readonly runId?: string
}

/** One pass of the fast lane; the disks' figures if it read any. */
async function pass({ onlyMoved = true, isCounted = true, runId = 'run' }: Pass = {}): Promise<DiskRaw[] | undefined> {
  vm.asked = []
  if (onlyMoved && !books.mayHaveMoved('u', runId, vm.io())) return undefined
  return books.read({
    uuid: 'u',
    runId,
    targets: ['vda', 'vdb'],
    io: () => vm.io(),
    ask: (target) => Promise.resolve(vm.ask(target)),
    isCounted,
    onlyMoved,
  })
}

async function settle(): Promise<void> {
  await pass()
  await pass()
  expect(await pass()).toBeUndefined()
}

describe('a VM whose every byte is counted', () => {
  beforeEach(settle)

  it('is asked only for the disk that moved, and shows the other as it was', async () => {
    vm.write('vdb', 4096)
    // At first nothing tells which of them it was.
    expect([await pass(), vm.asked]).toEqual([vm.truth(), ['vdb']])
    vm.write('vdb', 4096)
    expect([await pass(), vm.asked]).toEqual([vm.truth(), ['vdb']])
    expect(await pass()).toBeUndefined()
    vm.write('vda', 512)
    expect([await pass(), vm.asked]).toEqual([vm.truth(), ['vdb', 'vda']])
    vm.write('vda', 512)
    expect([await pass(), vm.asked]).toEqual([vm.truth(), ['vda']])
  })

  it('is asked for both when both moved', async () => {
    vm.write('vda', 4096)
    vm.write('vdb', 4096)
    expect([await pass(), vm.asked.toSorted()]).toEqual([vm.truth(), ['vda', 'vdb']])
  })

  it('is asked for all again while a request is under way, and until the books balance', async () => {
    vm.submit('vda', 4096)
    await pass()
    expect(vm.asked).toHaveLength(2)
    vm.complete()
    expect([await pass(), vm.asked.length]).toEqual([vm.truth(), 2])
    await pass()
    expect(await pass()).toBeUndefined()
  })

  it('is asked for all when QEMU wrote something for itself', async () => {
    vm.own += 100
    expect([await pass(), vm.asked.length]).toEqual([vm.truth(), 2])
    expect([await pass(), vm.asked.length]).toEqual([vm.truth(), 2])
    expect(await pass()).toBeUndefined()
  })

  it('is asked for all by a pass over all disks, and after a new start', async () => {
    expect([await pass({ onlyMoved: false }), vm.asked.length]).toEqual([vm.truth(), 2])
    expect([await pass({ runId: 'next' }), vm.asked.length]).toEqual([vm.truth(), 2])
  })
})

describe('a VM', () => {
  it('that cannot be seen is asked for all, always', async () => {
    vm.isVisible = false
    for (let round = 0; round < 4; round += 1) expect([await pass(), vm.asked.length]).toEqual([vm.truth(), 2])
  })

  it('whose bytes are not all counted is asked for all when it moved, and once more after', async () => {
    for (let round = 0; round < 2; round += 1) await pass({ isCounted: false })
    expect(await pass({ isCounted: false })).toBeUndefined()
    vm.write('vda', 4096)
    for (let round = 0; round < 2; round += 1) {
      expect([await pass({ isCounted: false }), vm.asked.length]).toEqual([vm.truth(), 2])
    }
    expect(await pass({ isCounted: false })).toBeUndefined()
  })

  it('that is gone is forgotten', async () => {
    await settle()
    books.keepOnly(new Set())
    expect(await pass()).toBeDefined()
  })
})

const step = fc.oneof(
  fc.record({
    kind: fc.constant('write'),
    target: fc.constantFrom('vda', 'vdb'),
    bytes: fc.integer({ min: 1, max: 9 }),
  }),
  fc.record({ kind: fc.constant('own'), target: fc.constant(''), bytes: fc.integer({ min: 1, max: 9 }) }),
  fc.record({ kind: fc.constant('pass'), target: fc.constant(''), bytes: fc.constant(0) }),
)

it('never shows a disk that moved as one that did not', () =>
  fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      books = new DiskBooks()
      vm = new FakeVm()
      let shown: DiskRaw[] = []
      for (const { kind, target, bytes } of steps) {
        if (kind === 'write') vm.write(target, bytes)
        if (kind === 'own') vm.own += bytes
        if (kind !== 'pass') continue
        shown = (await pass()) ?? shown
        expect(shown).toEqual(vm.truth())
      }
    }),
    { numRuns: 300 },
  ))
