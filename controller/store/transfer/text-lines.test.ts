import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'

import { expect, test } from 'vitest'

import { textLines } from './text-lines.js'

async function linesOf(bytes: Uint8Array, chunkBytes: number): Promise<string[]> {
  const chunks = Array.from({ length: Math.ceil(bytes.length / chunkBytes) }, (_, index) =>
    Buffer.from(bytes.subarray(index * chunkBytes, (index + 1) * chunkBytes)),
  )
  const found: string[] = []
  for await (const { text, number, problem } of textLines(Readable.from(chunks)))
    found.push(`${number}:${problem || text}`)
  return found
}

const long = 'x'.repeat(5 * 2 ** 20)

const texts: readonly { readonly is: string; readonly bytes: Uint8Array; readonly lines: readonly string[] }[] = [
  { is: 'nothing', bytes: Buffer.from(''), lines: [] },
  { is: 'lines', bytes: Buffer.from('a\n\nbé\n'), lines: ['1:a', '2:', '3:bé'] },
  { is: 'lines of Windows with its mark', bytes: Buffer.from('\uFEFFa\r\nb\r\n'), lines: ['1:a', '2:b'] },
  { is: 'packed lines', bytes: gzipSync('a\nb\n'), lines: ['1:a', '2:b'] },
  {
    is: 'several archives in one',
    bytes: Buffer.concat([gzipSync('a\n'), gzipSync('b\n')]),
    lines: ['1:a', '2:b'],
  },
  {
    is: 'no end of a line',
    bytes: Buffer.from('a\nb'),
    lines: ['1:a', '2:expected an end of the line: the text is cut'],
  },
  { is: 'Latin-1', bytes: Buffer.from('a\n\xe9\nb\n', 'latin1'), lines: ['1:a', '2:expected UTF-8', '3:b'] },
  {
    is: 'a line without end',
    bytes: Buffer.from(`a\n${long}\nb\n`),
    lines: ['1:a', '2:expected a line of at most 4194304 bytes', '3:b'],
  },
]

test.each(texts)('$is', async ({ bytes, lines }) => {
  for (const chunkBytes of bytes.length > 1000 ? [65_536] : [1, 2, 3, 1000])
    expect(await linesOf(bytes, chunkBytes)).toEqual(lines)
})

test('an archive that is cut or damaged', async () => {
  const whole = gzipSync(Array.from({ length: 5000 }, (_, index) => `line ${index * 7919}\n`).join(''))
  const cut = await linesOf(whole.subarray(0, whole.length - 9), 100)
  expect(cut.at(-1)).toMatch(/^\d+:expected what gzip packed: unexpected end of file$/)
  const damaged = Buffer.from(whole)
  damaged.writeUInt8(damaged.readUInt8(5000) ^ 255, 5000)
  expect((await linesOf(damaged, 100)).at(-1)).toMatch(/^\d+:expected what gzip packed: /)
})
