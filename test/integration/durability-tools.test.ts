import { describe, expect, it } from 'vitest'

import { PessimisticFiles } from '../durability/pessimistic-files.js'
import { SampleBook, sampleStepMs, type Row } from '../durability/sample-book.js'
import { parseCalls } from '../durability/system-calls.js'
import { VolatileDisk } from '../durability/volatile-disk.js'

/** The instruments that judge durability, on cases whose outcome is known. */

function hex(text: string): string {
  return [...Buffer.from(text)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')
}

/** A log as strace writes it: `N call` for process N. Names stand in angle brackets or quotes. */
function traceOf(lines: readonly string[]): string {
  return lines
    .map((line, index) => {
      const [pid = '', ...rest] = line.split(' ')
      const call = rest.join(' ').replaceAll(/(?<=[<"])[\w/]+(?=[>"])/g, (text) => hex(text))
      return `${pid} ${1000 + index}.000000 ${call}`
    })
    .join('\n')
}

function leftOf(...lines: string[]): Record<string, string> {
  const files = PessimisticFiles.replay('/d', parseCalls(traceOf(lines)))
  return Object.fromEntries([...files.survivors()].map(([path, bytes]) => [path, bytes.toString()]))
}

const make = '1 openat(AT_FDCWD</>, "/d/f", O_WRONLY|O_CREAT, 0600) = 5</d/f>'
const directory = '1 openat(AT_FDCWD</>, "/d", O_RDONLY) = 6</d>'
const write = '1 write(5</d/f>, "one", 3) = 3'
const sync = '1 fdatasync(5</d/f>) = 0'
const syncDirectory = '1 fsync(6</d>) = 0'

describe('what a power loss leaves at the worst', () => {
  const cases: readonly (readonly [string, readonly string[], Record<string, string>])[] = [
    ['content and name, both fsynced', [make, write, sync, directory, syncDirectory], { f: 'one' }],
    ['no name without an fsync of the directory', [make, write, sync], {}],
    ['a name without what was not fsynced', [make, write, directory, syncDirectory], { f: '' }],
    [
      'what was fsynced, without what came after',
      [make, write, sync, directory, syncDirectory, '1 write(5</d/f>, "two", 3) = 3'],
      { f: 'one' },
    ],
    [
      'not what was written while the fsync was under way',
      [
        make,
        directory,
        syncDirectory,
        '1 fdatasync(5</d/f> <unfinished ...>',
        '2 write(5</d/f>, "late", 4) = 4',
        '1 <... fdatasync resumed>) = 0',
      ],
      { f: '' },
    ],
    [
      'nothing of an fsync that failed',
      [make, write, directory, syncDirectory, '1 fsync(5</d/f>) = -1 EIO'],
      { f: '' },
    ],
    [
      'the former name of a file that was renamed',
      [make, write, sync, directory, syncDirectory, '1 rename("/d/f", "/d/g") = 0'],
      { f: 'one' },
    ],
    [
      'the new name, if the directory was fsynced after',
      [make, write, sync, directory, '1 rename("/d/f", "/d/g") = 0', syncDirectory],
      { g: 'one' },
    ],
    [
      'a write in the middle, at the end of an appended file and after a cut',
      [
        make,
        directory,
        syncDirectory,
        '1 pwrite64(5</d/f>, "abcd", 4, 0) = 4',
        '1 pwrite64(5</d/f>, "X", 1, 1) = 1',
        '1 ftruncate(5</d/f>, 3) = 0',
        sync,
      ],
      { f: 'aXc' },
    ],
  ]
  it.each(cases)('%s', (_name, lines, left) => {
    expect(leftOf(...lines)).toEqual(left)
  })
})

describe('a disk that loses power', () => {
  const sector = (fill: string): Buffer => Buffer.alloc(512, fill)

  function after(survives: () => boolean): string {
    const disk = new VolatileDisk(4096)
    disk.write(0, Buffer.concat([sector('a'), sector('a')]))
    disk.flush()
    disk.write(0, Buffer.concat([sector('b'), sector('b')]))
    expect(disk.read(0, 1024).toString('latin1', 511, 513)).toBe('bb')
    const left = new VolatileDisk(4096, disk.cut(survives)).read(0, 1024)
    return left.toString('latin1', 511, 513)
  }

  it.each([
    ['keeps what was flushed', () => false, 'aa'],
    ['may keep the rest', () => true, 'bb'],
  ])('%s', (_name, survives, left) => {
    expect(after(survives)).toBe(left)
  })

  it('may keep one sector of a write and not the other', () => {
    const chances = [false, true].values()
    expect(after(() => chances.next().value ?? false)).toBe('ab')
  })
})

describe('a book of samples', () => {
  const book = new SampleBook('s', false, 0, 1)
  for (let count = 0; count < 3; count += 1) book.next()
  book.ack(2)
  const row = (seq: number): Row => [seq * sampleStepMs, book.sample(seq).hostValue]
  const [one, two] = [row(1), row(2)]

  it.each<readonly [string, readonly Row[], number, readonly string[]]>([
    ['all is well', [one, two], 2, []],
    ['more than was acked is well', [one, two, row(3)], 3, []],
    ['an ack that is forgotten', [one], 1, ['acked through 2, durable through 1 only']],
    ['a sample that is lost', [two], 2, ['1 samples are lost: 1 …']],
    ['a sample that is there twice', [one, one, two], 2, ['sample 1 is there twice']],
    ['a value that is another', [one, [two[0], 7]], 2, ['sample 2 says 7']],
    ['a row at another time', [one, two, [7, 5]], 2, ['a row at 7 that is none of its samples']],
    ['data without its mark', [one, two, row(3)], 2, ['a row at 21000 that is none of its samples']],
    ['a mark beyond what was sent', [one, two, row(3), row(4)], 4, ['durable through 4, but only 3 were sent']],
  ])('%s', (_name, rows, throughSeq, faults) => {
    expect(book.faultsOf(rows, throughSeq, 'hostValue')).toEqual(faults.map((fault) => `s hostValue: ${fault}`))
  })
})
