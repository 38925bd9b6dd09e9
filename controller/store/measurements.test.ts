import { readFileSync } from 'node:fs'

import { expect, it } from 'vitest'

import { entityKinds, fieldNames, isField, measurements } from './measurements.js'

it('docs/metrics.md lists every field with its unit, and no other', () => {
  const [stored = ''] = readFileSync('docs/metrics.md', 'utf8').split('\n## The names on a server')
  const rows = stored
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| field'))
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .map(([, field, unit]) => `${field} ${unit}`)
  const listed = entityKinds.toSorted(
    (a, b) => Object.keys(measurements).indexOf(a) - Object.keys(measurements).indexOf(b),
  )
  const expected = listed.flatMap((kind) =>
    Object.entries(measurements[kind].fields).map(([field, { unit }]) => `${field} ${unit}`),
  )
  expect(rows).toEqual(expected)
})

it('knows its fields, and not those of every object', () => {
  expect(isField('vm', 'cpuCores')).toBe(true)
  expect(isField('vm', 'constructor')).toBe(false)
  expect(fieldNames('file_system')).toEqual(['sizeBytes', 'availableBytes', 'filesFree'])
})

it('no label has the name of a tag or field of its kind: InfluxDB would mix them up', () => {
  for (const kind of entityKinds) {
    const { tags, labels } = measurements[kind]
    for (const label of labels) expect([...tags, ...fieldNames(kind)]).not.toContain(label)
  }
})
