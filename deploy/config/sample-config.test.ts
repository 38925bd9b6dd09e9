import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { expect, test } from 'vitest'
import { parse } from 'yaml'

import { agentConfigSchema } from '../../agent/config.js'
import { parseConfig } from '../../common/config.js'
import { controllerConfigSchema } from '../../controller/config.js'

/** `sets`: all that an installed program is configured to besides the defaults. */
const samples = [
  {
    file: 'controller.yaml',
    schema: controllerConfigSchema,
    sets: 'data: /var/lib/headroom\nauth: { localAgent: false }\npolicyFile: /etc/headroom/policy.yaml\n',
  },
  { file: 'agent.yaml', schema: agentConfigSchema, sets: 'data: /var/lib/headroom-agent\n' },
]

test.each(samples)(
  '$file as it is shipped differs from the defaults only where it says so',
  ({ file, schema, sets }) => {
    expect(parseConfig(read(file), schema, file)).toEqual(parseConfig(sets, schema, 'sets'))
    expect(read(file).match(/Differs from/g)).toHaveLength(Object.keys(parse(sets)).length)
  },
)

test.each(samples)('$file: the values it shows as defaults are the defaults', ({ file, schema }) => {
  const uncommented = withDefaults(read(file))
  expect(parseConfig(uncommented, schema, file)).toEqual(parseConfig(read(file), schema, file))
})

test.each(samples)('$file shows every key that has a default', ({ file, schema }) => {
  const shown = keysOf(parse(withDefaults(read(file))))
  expect(shown).toEqual(expect.arrayContaining(keysOf(parseConfig('', schema, 'empty'))))
})

test.each(samples)('$file speaks of every key, those without a default too', ({ file, schema }) => {
  const missing = Object.keys(schema.shape).filter(
    (key) => !new RegExp(`^(#|# Example: )?${key}:`, 'm').test(read(file)),
  )
  expect(missing).toEqual([])
})

test.each(
  samples.flatMap(({ file, schema }) =>
    [...read(file).matchAll(/^# Example: (.*)$/gm)].map(([, example = '']) => ({ file, schema, example })),
  ),
)('$file: the example $example is taken', ({ file, schema, example }) => {
  expect(() => parseConfig(example, schema, file)).not.toThrow()
})

function read(file: string): string {
  return readFileSync(join(import.meta.dirname, file), 'utf8')
}

/** With the defaults written out: `#key:` and `#  key:` are settings, `# Words` are words. */
function withDefaults(text: string): string {
  return text.replaceAll(/^#(?! \S)/gm, '')
}

/** Every key's path, such as `http.port` or `controllers.0.address`. */
function keysOf(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null) return [path]
  return Object.entries(value).flatMap(([key, inner]) => keysOf(inner, path === '' ? key : `${path}.${key}`))
}
