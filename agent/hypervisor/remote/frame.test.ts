import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import type { FileTree } from './file-tree.js'
import { contentOf } from './frame-content.js'
import { FrameCollector, MalformedFrame, partsOf } from './frame.js'

const asked = { number: 7, word: 'fast', mostBytes: 4096 }
const frame = (inner: string): string => `\n@@headroom 7 begin fast\n${inner}\n@@headroom 7 end fast\n`
const part = (line: string, body: string): string => `\n@@headroom 7 ${line}\n${body}`

/** In chunks of this size. */
function collect(text: string, size = text.length): Buffer | undefined {
  const collector = new FrameCollector(asked)
  const bytes = Buffer.from(text, 'latin1')
  let found: Buffer | undefined
  for (let at = 0; at < bytes.length; at += size) found = collector.push(bytes.subarray(at, at + size))
  return found
}

describe('a frame', () => {
  const inner = part('heads /proc', '==> stat <==\ncpu 1\n') + part('links /sys', '')

  test.each([1, 2, 3, 7, 26, 1000])('comes in chunks of %i bytes', (size) => {
    expect(collect(frame(inner), size)?.toString()).toBe(inner)
  })

  test('may be empty, and may hold what looks like the end of another', () => {
    expect(collect(frame(''))?.toString()).toBe('')
    const odd = part('text xl', '\n@@headroom 6 end fast\n\n@@headroom 7 end slow\n')
    expect(collect(frame(odd))?.toString()).toBe(odd)
  })

  test.each([
    ['of something else', '\n@@headroom 8 begin fast\n', 'not asked'],
    ['without a beginning', 'hello', 'not asked'],
    ['that goes on', `${frame('')}x`, 'more than was asked for'],
    ['without an end', `\n@@headroom 7 begin fast\n${'x'.repeat(5000)}`, 'more than 4096 bytes'],
  ])('%s is malformed', (_, text, message) => {
    expect(() => collect(text)).toThrow(MalformedFrame)
    expect(() => collect(text)).toThrow(message)
  })

  test('that is not complete is waited for', () => {
    expect(collect(frame(inner).slice(0, -1))).toBeUndefined()
  })
})

describe('parts', () => {
  const of = (text: string) =>
    partsOf(Buffer.from(text, 'latin1'), 7).map(({ kind, argument, body }) => [kind, argument, body.toString('latin1')])

  test('with and without a body, with and without a newline at its end', () => {
    expect(of('')).toEqual([])
    expect(of(part('heads /proc', 'a') + part('links /', '') + part('ended 1 2', 'b\n\n') + part('end', 'x'))).toEqual([
      ['heads', '/proc', 'a'],
      ['links', '/', ''],
      ['ended', '1 2', 'b\n\n'],
      ['end', '', 'x'],
    ])
  })

  test.each([
    ['before the first', `x${part('heads /', '')}`, 'without a first part'],
    ['half a mark', '\n@@headroom 7 heads', 'half a mark'],
    ['very many', part('x', '').repeat(5000), 'more than 4096 parts'],
  ])('%s', (_, text, message) => {
    expect(() => of(text)).toThrow(message)
  })
})

/** What a broken or hostile reader may send: its own words in any order, cut anywhere, with anything between. */
const words = [
  '\n@@headroom 7 ',
  '\n',
  'begin fast',
  'end fast',
  'heads /proc',
  'heads /sys',
  'names /sys/bus',
  'links /dev',
  'links /',
  'space /',
  'under /',
  '==> ',
  ' <==',
  'lrwxrwxrwx 1 0 0 1 Jan 1 00:00 a -> ',
  '../',
  '/',
  'x',
  '\0',
  ' ',
  'brw------- 1 0 0 8, 1 Jan 1 00:00 sda1',
  'drwxr-xr-x 2 0 0 0 Jan 1 00:00 dir',
  '4096 1 2 3 4 ./',
  '65027 ./',
]
const hostile = fc.oneof(
  fc.uint8Array({ maxLength: 500 }).map((bytes) => Buffer.from(bytes)),
  fc
    .array(fc.oneof(fc.constantFrom(...words), fc.string({ unit: 'binary', maxLength: 4 })), { maxLength: 60 })
    .map((all) => Buffer.from(all.join(''))),
)

describe('any bytes', () => {
  test('never do more than be malformed, nor take more than they may', () => {
    fc.assert(
      fc.property(fc.array(hostile, { maxLength: 8 }), fc.boolean(), (chunks, begins) => {
        const collector = new FrameCollector({ ...asked, mostBytes: 1000 })
        let length = 0
        try {
          if (begins) collector.push(Buffer.from('\n@@headroom 7 begin fast\n'))
          for (const chunk of chunks) {
            const found = collector.push(chunk)
            length += chunk.length
            expect(length).toBeLessThanOrEqual(1000)
            if (found !== undefined) return
          }
        } catch (error) {
          if (!(error instanceof MalformedFrame)) throw error
        }
      }),
      { numRuns: 2000 },
    )
  })

  test('inside a frame make files, or are malformed; every file can be asked for', () => {
    fc.assert(
      fc.property(hostile, (body) => {
        try {
          const { tree } = contentOf(partsOf(Buffer.concat([Buffer.from('\n@@headroom 7 heads /proc\n'), body]), 7))
          expect(countOf(tree)).toBeLessThanOrEqual(65_536)
          tree.find('/proc/x/../../dev/a/b')
        } catch (error) {
          if (!(error instanceof MalformedFrame)) throw error
        }
      }),
      { numRuns: 2000 },
    )
  })
})

function countOf(tree: FileTree, path = '/'): number {
  const node = tree.find(path, { followLast: false })
  if (node?.kind !== 'directory') return 1
  return [...node.entries.keys()].reduce((sum, name) => sum + countOf(tree, `${path}/${name}`), 1)
}
