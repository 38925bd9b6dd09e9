import type { Tag } from './server/entity-tags.js'

/**
 * One line of InfluxDB's line protocol with a time in milliseconds. Numbers are floats; a text is a value as it stands in the line, such
 * as `5i`. Names need no escapes; values of tags neither have backslashes nor line ends (entity-tags.ts).
 */
export function line(
  measurement: string,
  tags: readonly Tag[],
  fields: readonly (readonly [name: string, value: number | string])[],
  atMs: number,
): string {
  const labels = tags.map(({ name, value }) => `,${name}=${value.replaceAll(/[ ,=]/g, '\\$&')}`)
  return `${measurement}${labels.join('')} ${fields.map(([name, value]) => `${name}=${value}`).join(',')} ${atMs}`
}
